// holds: stats writes counts, bytes, errors, cancellations and latency percentiles by operation, at exit, as JSON or text, for the service it is told.
// source: kaio
#include "audit.h"

#include <sys/resource.h>

static void work(void) {
    int file = named_file("file", 8 * block), ends[2];
    for (int i = 0; i < 7; i++) EQUAL(read_one(file, i * block), block);
    for (int i = 0; i < 5; i++) EQUAL(write_one(file, i * block), block);
    fsync_one(file, O_SYNC);
    fsync_one(file, O_DSYNC);
    fsync_one(file, O_DSYNC);
    fail_one(file);
    open_pipe(ends);
    char byte;
    struct aiocb control = request(ends[0], &byte, 1, 0);
    OK(aio_read(&control));
    sleep_for(0.5);
    EQUAL(write(ends[1], "x", 1), 1);
    EQUAL(FINISH(&control), 1);
    control = request(ends[0], &byte, 1, 0);
    OK(aio_read(&control));
    EQUAL(aio_cancel(ends[0], &control), AIO_CANCELED);
}

static double latency(const char *json, const char *key) {
    char quoted[32];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = strstr(json, "\"latency_us\":{");
    at = at ? strstr(at, quoted) : NULL;
    if (!at) failed(__FILE__, __LINE__, "no %s in %s", key, json);
    return strtod(at + strlen(quoted), NULL);
}

// The report finds no room, but what is said of it on stderr does.
static void finds_no_room(void) {
    int file = named_file("file", block);
    EQUAL(read_one(file, 0), block);
    signal(SIGXFSZ, SIG_IGN);
    OK(setrlimit(RLIMIT_FSIZE, &(struct rlimit){512, 512}));
}

int main(int count, char **arguments) {
    if (count > 1 && strcmp(arguments[1], "finds_no_room") == 0) {
        finds_no_room();
        return 0;
    }
    if (count > 1) {
        work();
        return 0;
    }
    char file[PATH_MAX], parameters[PATH_MAX + 128], json[32768];
    snprintf(parameters, sizeof parameters, "stats:file=%s; stats:format=json; stats:service=a \"service\"",
             path_of(file, "stats"));
    struct child child;
    run_with(&child, "work", "stats", parameters);
    EQUAL(strlen(child.errors), 0);
    take_file(file, json, sizeof json);
    printf("%s", json);
    CHECK(strstr(json, "\"services\":[{\"service\":\"a \\\"service\\\"\",\"operations\":{") != NULL);
    EQUAL(stat_of(json, "read", "requests"), 10);
    EQUAL(stat_of(json, "read", "bytes"), 7 * block + 1);
    EQUAL(stat_of(json, "read", "errors"), 1);
    EQUAL(stat_of(json, "read", "cancelled"), 1);
    EQUAL(stat_of(json, "write", "requests"), 5);
    EQUAL(stat_of(json, "write", "bytes"), 5 * block);
    EQUAL(stat_of(json, "write", "errors"), 0);
    EQUAL(stat_of(json, "fsync", "requests"), 1);
    EQUAL(stat_of(json, "fdatasync", "requests"), 2);
    // The read that waited: the slowest of nine.
    const char *keys[] = {"50", "90", "99", "99.9", "99.99", "max"};
    for (int i = 1; i < 6; i++) CHECK(latency(json, keys[i - 1]) <= latency(json, keys[i]));
    CHECK(latency(json, "50") < 400000);
    CHECK(latency(json, "99") >= 500000);
    CHECK(latency(json, "max") >= 500000 && latency(json, "max") < 5000000);
    CHECK(latency(json, "mean") >= 500000 / 9 && latency(json, "mean") < latency(json, "max"));

    run_with(&child, "work", "stats", "");
    printf("%s", child.errors);
    EQUAL(count_lines(child.errors, "service \"global\"", NULL), 1);
    EQUAL(count_lines(child.errors, "  read                10          1          1           28673 ", NULL), 1);
    EQUAL(count_lines(child.errors, "  write                5          0          0           20480 ", NULL), 1);
    EQUAL(count_lines(child.errors, "requests", "99.99 %"), 1);

    run_with(&child, "finds_no_room", "stats", parameters);
    EQUAL(count_lines(child.errors, "kaio: stats:file = ", ": can't be written (EFBIG)"), 1);
}
