// holds: time_audit writes a line for each request that took longer than its limit, and for no other.
// source: kaio
#include "audit.h"
#include "../slow.h"

static void wait_in_pipe(double seconds) {
    int ends[2];
    open_pipe(ends);
    char byte;
    struct aiocb control = request(ends[0], &byte, 1, 0);
    OK(aio_read(&control));
    sleep_for(seconds);
    EQUAL(write(ends[1], "x", 1), 1);
    EQUAL(FINISH(&control), 1);
}

static void work(void) {
    int file = named_file("file", SLOW_SIZE);
    for (int i = 0; i < 100; i++) EQUAL(read_one(file, 0), block);
    wait_in_pipe(0.7);
    wait_in_pipe(0.001);
    // Two on a file, of which the second's descriptor is another file's at its end.
    for (int i = 0; i < 2; i++) {
        struct slow slow = slow_memory();
        struct aiocb control = request(file, slow.memory, slow.size, 0);
        OK(aio_read(&control));
        SLOW_TOUCHED(&slow);
        sleep_for(0.6);
        int other = named_file("other", block);
        if (i == 1) EQUAL(dup2(other, file), file);
        slow_release(&slow, NULL);
        EQUAL(FINISH(&control), slow.size);
    }
}

static void is(const char *text, int number, const char *format, long least) {
    char line[4096];
    const char *at = skip_time(line_of(text, number, line));
    if (strncmp(at, format, strlen(format)) != 0)
        failed(__FILE__, __LINE__, "line %d is \"%s\", expected \"%s\"", number, at, format);
    CHECK(number_behind(at, " us=") >= least);
}

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1) {
        work();
        return 0;
    }
    char slow_line[4096], path[PATH_MAX], slow[PATH_MAX + 64];
    char *whole = realpath(path_of(path, "."), NULL);
    snprintf(slow, sizeof slow, " slow read \"%s/file\" offset=0 length=1048576 result=1048576", whole);
    struct child child;
    run_with(&child, "work", "time_audit", "time_audit:limit = 500ms");
    printf("%s", child.errors);
    EQUAL(count_lines(child.errors, "", NULL), 3);
    is(child.errors, 0, " slow read \"pipe:[", 700000);
    is(child.errors, 1, slow, 600000);
    is(child.errors, 2, " slow read - offset=0 length=1048576 result=1048576", 600000);
    // The limit is one second where nothing else is said.
    run_with(&child, "work", "time_audit", "time_audit:format = json");
    EQUAL(count_lines(child.errors, "", NULL), 0);
    run_with(&child, "work", "time_audit", "time_audit:format = json; time_audit:limit = 650ms");
    // Those of 600 ms take longer on a busy machine, and on one that was stopped all.
    int lines = count_lines(child.errors, "", NULL);
    for (int i = 0; i < lines; i++) CHECK(number_behind(line_of(child.errors, i, slow_line), "\"us\":") >= 650000);
    CHECK(count_lines(child.errors, "\",\"slow\":true,\"operation\":\"read\",\"path\":\"pipe:[", NULL) >= 1);
    free(whole);
}
