// holds: A program that never uses AIO has no thread, descriptor or context more for the library, and hears nothing of it.
// source: kaio
#include "../check.h"

// The program starts with stdin, stdout and stderr only.
static void close_the_rest(void) {
    for (int number = 3; number < 1024; number++) fcntl(number, F_SETFD, FD_CLOEXEC);
}

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1) {
        EQUAL(count_threads(), 1);
        EQUAL(count_contexts(), 0);
        for (int number = 3; number < 100; number++) FAILS(fcntl(number, F_GETFD), EBADF);
        return 0;
    }
    struct child child;
    run_again(&child, "idle", (const char *[]){"KAIO_VERBOSE=1", NULL}, close_the_rest);
    SUCCEEDED(&child);
    EQUAL(strlen(child.errors), 0);
    EQUAL(strlen(child.output), 0);
}
