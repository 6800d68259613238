// holds: The list's notification comes also when members fail or are cancelled.
// source: lio_listio
#include "../check.h"

int main(void) {
    int ends[2];
    char bytes[3];
    sigset_t set;
    struct timespec limit = {10, 0}, short_ = {0, 100000000};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
    OK(pipe(ends));
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
    struct aiocb controls[3] = {request(-1, &bytes[0], 1, 0), request(ends[0], &bytes[1], 1, 0),
                                request(ends[0], &bytes[2], 1, 0)}, *list[3];
    for (int i = 0; i < 3; i++) {
        controls[i].aio_lio_opcode = LIO_READ;
        list[i] = &controls[i];
    }
    OK(lio_listio(LIO_NOWAIT, list, 3, &event));
    EQUAL(aio_cancel(ends[0], &controls[2]), AIO_CANCELED);
    FAILS(sigtimedwait(&set, NULL, &short_), EAGAIN);
    EQUAL(write(ends[1], "x", 1), 1);
    EQUAL(sigtimedwait(&set, NULL, &limit), SIGRTMIN);
    FINISHES_WITH(&controls[0], EBADF);
    EQUAL(FINISH(&controls[1]), 1);
    FINISHES_WITH(&controls[2], ECANCELED);
    return 0;
}
