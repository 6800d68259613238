// holds: With LIO_NOWAIT the list's sigevent is honoured once, when all members are done.
// source: lio_listio
#include "../check.h"

int main(void) {
    int ends[2];
    char bytes[3];
    sigset_t set;
    struct timespec limit = {10, 0}, short_ = {0, 100000000};
    struct aiocb controls[3], *list[3];
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
    OK(pipe(ends));
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
    for (int i = 0; i < 3; i++) {
        controls[i] = request(ends[0], &bytes[i], 1, 0);
        controls[i].aio_lio_opcode = LIO_READ;
        list[i] = &controls[i];
    }
    OK(lio_listio(LIO_NOWAIT, list, 3, &event));
    for (int i = 0; i < 3; i++) {
        FAILS(sigtimedwait(&set, NULL, &short_), EAGAIN);
        EQUAL(write(ends[1], "x", 1), 1);
        EQUAL(wait_for(&controls[i], 10), 0);
    }
    EQUAL(sigtimedwait(&set, NULL, &limit), SIGRTMIN);
    FAILS(sigtimedwait(&set, NULL, &short_), EAGAIN);
    return 0;
}
