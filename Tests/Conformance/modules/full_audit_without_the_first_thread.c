// holds: full_audit has a request's path also where the program's first thread has ended, which /proc/self is.
// source: kaio
// environment: KAIO_VFS_OBJECTS="full_audit ordered aio_linux aio_poll aio_pthread" KAIO_VFS_PARAMETERS="full_audit:to = log"
#include "audit.h"

static void *go_on(void *unused) {
    char text[4096], line[4096];
    // Until the first one is gone.
    for (double end = now() + 10; readlink("/proc/self/fd/1", line, sizeof line) > 0 && now() < end;) sleep_for(0.01);
    int file = named_file("data", block);
    EQUAL(read_one(file, 0), block);
    sleep_for(0.3);
    take_file("log", text, sizeof text);
    printf("%s", text);
    EQUAL(count_lines(text, "", NULL), 1);
    CHECK(strstr(line_of(text, 0, line), "/data\" ") != NULL);
    exit(0);
    return unused;
}

int main(void) {
    pthread_t thread;
    OK(pthread_create(&thread, NULL, go_on, NULL));
    pthread_exit(NULL);
}
