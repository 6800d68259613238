// holds: The first request of a process that has threads already does not wait until the kernel has made the descriptor table larger, which takes a grace period of 10 ms: there is room for the library's numbers as soon as it is loaded, and in the child of a fork before its first thread.
// source: kaio; fs/file.c of Linux: expand_fdtable waits for readers where the table is shared
#define NEEDS_KAIO
#include "../check.h"

static long table_size(void) {
    char line[256];
    long size = -1;
    FILE *status = fopen("/proc/self/status", "r");
    CHECK(status != NULL);
    while (fgets(line, sizeof line, status) && sscanf(line, "FDSize: %ld", &size) != 1) {}
    fclose(status);
    return size;
}

static void *stay(void *argument) {
    (void)argument;
    pause();
    return NULL;
}

static void make_a_request(void) {
    int file = scratch_file(0);
    struct aiocb block = request(file, aligned_buffer(4096), 4096, 0);
    OK(aio_write(&block));
    EQUAL(FINISH(&block), 4096);
}

int main(void) {
    deadline(30);
    pid_t child = fork();
    if (child == 0) {
        make_a_request();
        _exit(table_size() <= 800);
    }
    int status;
    EQUAL(waitpid(child, &status, 0), child);
    EQUAL(status, 0);
    pthread_t thread;
    EQUAL(pthread_create(&thread, NULL, stay, NULL), 0);
    long before = table_size();
    CHECK(before > 800);
    make_a_request();
    EQUAL(table_size(), before);
    return 0;
}
