// holds: A LIO_NOWAIT list with no request in it (empty, null entries, LIO_NOP) notifies at once, once.
// source: FACTS choice (lists)
#include "../check.h"

int main(void) {
    sigset_t set;
    siginfo_t information;
    struct timespec limit = {10, 0}, short_ = {0, 50000000};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
    struct aiocb nop = request(-1, NULL, 0, 0), *nulls[2] = {NULL, NULL}, *nops[2] = {&nop, NULL};
    nop.aio_lio_opcode = LIO_NOP;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
    for (int i = 0; i < 3; i++) {
        event.sigev_value.sival_int = i;
        OK(lio_listio(LIO_NOWAIT, i == 2 ? nops : nulls, i == 0 ? 0 : 2, &event));
        EQUAL(sigtimedwait(&set, &information, &limit), SIGRTMIN);
        EQUAL(information.si_value.sival_int, i);
        FAILS(sigtimedwait(&set, NULL, &short_), EAGAIN);
    }
    return 0;
}
