// holds: A signal whose action has SA_RESTART ends the wait with EINTR all the same.
// source: FACTS choice (SA_RESTART)
// compare: no
#define NEEDS_KAIO
#include "../check.h"

static volatile sig_atomic_t caught;
static void handler(int number) { caught = number; }

int main(void) {
    int ends[2];
    char byte;
    OK(pipe(ends));
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    OK(sigaction(SIGALRM, &action, NULL));
    struct aiocb control = request(ends[0], &byte, 1, 0);
    const struct aiocb *list[1] = {&control};
    struct timespec minute = {60, 0}, *timeouts[] = {NULL, &minute};
    OK(aio_read(&control));
    for (int i = 0; i < 2; i++) {
        // Again and again, as the first may come before the wait.
        ualarm(100000, 100000);
        FAILS(aio_suspend(list, 1, timeouts[i]), EINTR);
        ualarm(0, 0);
        EQUAL(caught, SIGALRM);
    }
    return 0;
}
