// holds: A signal that is caught ends the wait with EINTR, and the request is not touched.
// source: aio_suspend
#include "../check.h"

static volatile sig_atomic_t caught;
static void handler(int number) { caught = number; }

int main(void) {
    int ends[2];
    char byte;
    OK(pipe(ends));
    struct sigaction action = {.sa_handler = handler};
    OK(sigaction(SIGALRM, &action, NULL));
    struct aiocb control = request(ends[0], &byte, 1, 0);
    const struct aiocb *list[1] = {&control};
    struct timespec minute = {60, 0}, *timeouts[] = {NULL, &minute};
    OK(aio_read(&control));
    for (int i = 0; i < 2; i++) {
        caught = 0;
        // Again and again, as the first may come before the wait.
        ualarm(100000, 100000);
        FAILS(aio_suspend(list, 1, timeouts[i]), EINTR);
        ualarm(0, 0);
        EQUAL(caught, SIGALRM);
        EQUAL(aio_error(&control), EINPROGRESS);
    }
    EQUAL(write(ends[1], "x", 1), 1);
    EQUAL(FINISH(&control), 1);
    return 0;
}
