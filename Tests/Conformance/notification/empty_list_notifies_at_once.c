// holds: A LIO_NOWAIT list with nothing to do (no members, null entries, LIO_NOP) notifies at once, and its members do not.
// source: glibc (compatibility)
#include "../check.h"

int main(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigaddset(&set, SIGRTMIN + 1);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    struct aiocb nothing = request(-1, NULL, 0, 0), *list[] = {NULL, &nothing, NULL};
    nothing.aio_lio_opcode = LIO_NOP;
    nothing.aio_sigevent.sigev_notify = SIGEV_SIGNAL;
    nothing.aio_sigevent.sigev_signo = SIGRTMIN + 1;
    struct sigevent event;
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGRTMIN;
    for (int count = 0; count <= 3; count++) {
        event.sigev_value.sival_int = count;
        OK(lio_listio(LIO_NOWAIT, list, count, &event));
        siginfo_t info;
        const struct timespec limit = {10, 0}, soon = {0, 50000000};
        EQUAL(sigtimedwait(&set, &info, &limit), SIGRTMIN);
        EQUAL(info.si_code, SI_ASYNCIO);
        EQUAL(info.si_value.sival_int, count);
        FAILS(sigtimedwait(&set, NULL, &soon), EAGAIN);
    }
}
