// holds: full_audit writes one line for each request: time, operation, path, offset, length, result, microseconds.
// source: kaio
#include "audit.h"

static void work(void) {
    int file = named_file("a file", 3 * block);
    EQUAL(write_one(file, block), block);
    EQUAL(read_one(file, 2 * block), block);
    EQUAL(read_one(file, 3 * block - 100), 100);
    fsync_one(file, O_SYNC);
    fsync_one(file, O_DSYNC);
    fail_one(file);
    int ends[2];
    open_pipe(ends);
    char byte;
    struct aiocb control = request(ends[0], &byte, 1, 0);
    OK(aio_read(&control));
    sleep_for(0.05);
    EQUAL(write(ends[1], "x", 1), 1);
    EQUAL(FINISH(&control), 1);
    control = request(ends[0], &byte, 1, 0);
    OK(aio_read(&control));
    EQUAL(aio_cancel(ends[0], &control), AIO_CANCELED);
}

static void is(const char *text, int number, const char *what, const char *path, const char *rest, long least) {
    char line[4096], expected[4096];
    line_of(text, number, line);
    snprintf(expected, sizeof expected, " %s \"%s\" %s us=", what, path, rest);
    const char *at = skip_time(line);
    if (strncmp(at, expected, strlen(expected)) != 0)
        failed(__FILE__, __LINE__, "line %d is \"%s\", expected \"%s\"", number, at, expected);
    long took = number_behind(at, " us=");
    CHECK(took >= least && took < 10 * 1000 * 1000);
}

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1) {
        work();
        return 0;
    }
    char path[PATH_MAX], log[PATH_MAX], parameters[PATH_MAX + 64], text[32768];
    char *whole = realpath(path_of(path, "."), NULL);
    snprintf(path, sizeof path, "%s/a file", whole);
    snprintf(parameters, sizeof parameters, "full_audit:to=%s", path_of(log, "log"));
    struct child child;
    run_with(&child, "work", "full_audit", parameters);
    EQUAL(strlen(child.errors), 0);
    struct stat status;
    OK(stat(log, &status));
    EQUAL(status.st_mode & 0777, 0640);
    take_file(log, text, sizeof text);
    printf("%s", text);
    EQUAL(count_lines(text, "", NULL), 8);
    is(text, 0, "write", path, "offset=4096 length=4096 result=4096", 0);
    is(text, 1, "read", path, "offset=8192 length=4096 result=4096", 0);
    is(text, 2, "read", path, "offset=12188 length=4096 result=100", 0);
    is(text, 3, "fsync", path, "offset=0 length=0 result=0", 0);
    is(text, 4, "fdatasync", path, "offset=0 length=0 result=0", 0);
    is(text, 5, "read", path, "offset=0 length=4096 result=EFAULT", 0);
    char line[4096];
    CHECK(strstr(line_of(text, 6, line), " read \"pipe:[") != NULL);
    CHECK(number_behind(line, " us=") >= 50000 && number_behind(line, " us=") < 5000000);
    CHECK(strstr(line_of(text, 7, line), "result=ECANCELED") != NULL);
    free(whole);
}
