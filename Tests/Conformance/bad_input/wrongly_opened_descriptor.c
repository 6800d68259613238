// holds: A read where only writing is allowed, and the reverse: the call returns 0 and aio_error tells EBADF.
// source: glibc (compatibility)
// limit: 60
#include "../check.h"

static int reader, writer;
static char buffer[64] = "unchanged";

static void ask(void) {
    struct aiocb reading = request(writer, buffer, sizeof buffer, 0);
    struct aiocb writing = request(reader, buffer, sizeof buffer, 0);
    OK(aio_read(&reading));
    OK(aio_write(&writing));
    FINISHES_WITH(&reading, EBADF);
    FINISHES_WITH(&writing, EBADF);
}

int main(void) {
    char path[PATH_MAX];
    writer = open(path_of(path, "one-way"), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    reader = open(path, O_RDONLY | O_CLOEXEC);
    unlink(path);
    CHECK(writer >= 0 && reader >= 0);
    ask();
    int ends[2], file_reader = reader, file_writer = writer;
    open_pipe(ends);
    reader = ends[0], writer = ends[1];
    ask();
    reader = file_reader, writer = file_writer;
    WITHOUT_LEAK(ask());
    CHECK(strcmp(buffer, "unchanged") == 0);
    EQUAL(lseek(reader, 0, SEEK_END), 0);
    check_service();
}
