// holds: exit ends though other threads go on filling the log, faster than its place takes it.
// source: kaio
// limit: 60
#include "audit.h"

enum { threads = 4 };

static void *read_on(void *file) {
    for (;;) EQUAL(read_one(*(int *)file, 0), block);
    return NULL;
}

static void work(void) {
    int file = named_file("file", block);
    pthread_t thread;
    for (int i = 0; i < threads; i++) OK(pthread_create(&thread, NULL, read_on, &file));
    sleep_for(0.5);
    exit(0);
}

int main(int count, char **arguments UNUSED) {
    if (count > 1) {
        work();
        return 0;
    }
    char fifo[PATH_MAX], parameters[PATH_MAX + 64];
    OK(mkfifo(path_of(fifo, "fifo"), 0600));
    snprintf(parameters, sizeof parameters, "full_audit:to = %s; full_audit:buffer = 1M", fifo);
    pid_t child = fork();
    if (child == 0) {
        struct child program;
        run_with(&program, "work", "full_audit", parameters);
        _exit(0);
    }
    // Reads slowly until the program has ended.
    static char text[65536];
    int end = open(fifo, O_RDONLY | O_CLOEXEC);
    CHECK(end >= 0);
    deadline(20);
    size_t size = 0;
    for (ssize_t got; (got = read(end, text, sizeof text)) > 0; size += (size_t)got) sleep_for(0.02);
    EXITS(child);
    CHECK(size > 0);
}
