// holds: Where the log is a FIFO that nobody reads, requests take no longer, the program and its children end, and a reader that comes later is told how many lines were lost.
// source: kaio
// limit: 60
#include "audit.h"

enum { requests = 20000 };

// With an argument for how long to wait at the end, for a reader.
static void work(double seconds) {
    int file = named_file("file", block);
    double start = now();
    for (int i = 0; i < requests; i++) EQUAL(read_one(file, 0), block);
    printf("%.3f\n", now() - start);
    // A child that uses nothing has no log to wait for.
    start = now();
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) exit(0);
    EXITS(child);
    CHECK(now() - start < 0.7);
    sleep_for(seconds);
}

int main(int count, char **arguments) {
    if (count > 1) {
        work(atof(arguments[1]));
        return 0;
    }
    char fifo[PATH_MAX], parameters[PATH_MAX + 64];
    OK(mkfifo(path_of(fifo, "fifo"), 0600));
    snprintf(parameters, sizeof parameters, "full_audit:to = %s; full_audit:buffer = 64k", fifo);
    struct child child;
    run_with(&child, "0", "", "");
    double without = atof(child.output);
    double start = now();
    run_with(&child, "0", "full_audit", parameters);
    printf("measured: %d reads took %.1f s with a log that nobody reads, %.1f s without a log\n", requests, atof(child.output), without);
    CHECK(atof(child.output) < 5 * times_slower());
    // Nobody reads: the end waits a second for progress, and no longer; and it is said.
    CHECK(now() - start < atof(child.output) + 4 * times_slower());
    EQUAL(count_lines(child.errors, "kaio: full_audit: the log ", "can't be opened (ENXIO"), 1);

    // The same, with a reader at the end: on a slow machine that is later.
    double longer = times_slower() == 1 ? 0 : atof(child.output);
    char wait[32];
    snprintf(wait, sizeof wait, "%g", 3 + 3 * longer);
    pid_t reader = fork();
    if (reader == 0) {
        run_with(&child, wait, "full_audit", parameters);
        _exit(0);
    }
    sleep_for(1.5 + 1.5 * longer);
    static char text[4 << 20];
    size_t size = 0;
    int end = open(fifo, O_RDONLY | O_CLOEXEC);
    for (ssize_t got; (got = read(end, text + size, sizeof text - 1 - size)) > 0;) size += (size_t)got;
    EXITS(reader);
    int lines = count_lines(text, " read ", "result=4096");
    long lost = 0;
    for (const char *at = text; (at = strstr(at, " lines lost: ")); at++) lost += number_behind(at, " lines lost: ");
    printf("%d lines, %ld lost\n", lines, lost);
    CHECK(lines > 100);
    CHECK(lost > 100);
    EQUAL(lines + lost, requests);
}
