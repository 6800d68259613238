// holds: A request that close cancels notifies once, after its status says ECANCELED; its list too.
// source: close
#include "../check.h"

int main(void) {
    sigset_t set;
    siginfo_t information;
    struct timespec limit = {10, 0}, short_ = {0, 100000000};
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
    int ends[2];
    char bytes[2];
    OK(pipe(ends));
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
    struct aiocb controls[2] = {request(ends[0], &bytes[0], 1, 0), request(ends[0], &bytes[1], 1, 0)};
    struct aiocb *list[2] = {&controls[0], &controls[1]};
    for (int i = 0; i < 2; i++) {
        controls[i].aio_lio_opcode = LIO_READ;
        controls[i].aio_sigevent = event;
        controls[i].aio_sigevent.sigev_value.sival_int = i;
    }
    event.sigev_value.sival_int = 2;
    OK(lio_listio(LIO_NOWAIT, list, 2, &event));
    OK(close(ends[0]));
    int seen = 0;
    for (int i = 0; i < 3; i++) {
        EQUAL(sigtimedwait(&set, &information, &limit), SIGRTMIN);
        seen |= 1 << information.si_value.sival_int;
    }
    EQUAL(seen, 7);
    FAILS(sigtimedwait(&set, &information, &short_), EAGAIN);
    for (int i = 0; i < 2; i++) FINISHES_WITH(&controls[i], ECANCELED);
    return 0;
}
