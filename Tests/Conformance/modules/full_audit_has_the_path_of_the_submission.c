// holds: full_audit's path is that which the descriptor's file had when the request was submitted, also after a rename, and when the number is another file's by then.
// source: kaio
// environment: KAIO_VFS_OBJECTS="full_audit ordered aio_linux aio_poll aio_pthread" KAIO_VFS_PARAMETERS="full_audit:to = log"
#include "audit.h"
#include "../slow.h"

int main(void) {
    char old[PATH_MAX], new[PATH_MAX], text[32768], line[4096];
    int file = named_file("old", SLOW_SIZE), other = named_file("other", block);
    struct slow slow = slow_memory();
    struct aiocb control = request(file, slow.memory, slow.size, 0);
    OK(aio_read(&control));
    SLOW_TOUCHED(&slow);
    OK(rename(path_of(old, "old"), path_of(new, "new")));
    EQUAL(dup2(other, file), file);
    slow_release(&slow, NULL);
    EQUAL(FINISH(&control), slow.size);
    EQUAL(read_one(file, 0), block);
    sleep_for(0.3);
    take_file("log", text, sizeof text);
    printf("%s", text);
    EQUAL(count_lines(text, "", NULL), 2);
    CHECK(strstr(line_of(text, 0, line), "/old\" ") != NULL);
    CHECK(strstr(line_of(text, 1, line), "/other\" ") != NULL);
}
