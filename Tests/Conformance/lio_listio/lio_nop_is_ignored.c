// holds: An entry with LIO_NOP starts nothing, whatever else it says, and does not notify.
// source: lio_listio
#include "../check.h"

int main(void) {
    int file = scratch_file(0);
    sigset_t set;
    struct timespec short_ = {0, 100000000};
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
    for (int mode = 0; mode < 2; mode++) {
        struct aiocb write = request(file, "data", 4, 0), nop = request(-1, NULL, SIZE_MAX, -1);
        struct aiocb *list[3] = {&nop, &write, &nop}, *only[1] = {&nop};
        write.aio_lio_opcode = LIO_WRITE;
        nop.aio_lio_opcode = LIO_NOP;
        nop.aio_reqprio = -1;
        nop.aio_sigevent.sigev_notify = SIGEV_SIGNAL;
        nop.aio_sigevent.sigev_signo = SIGUSR1;
        OK(lio_listio(mode ? LIO_WAIT : LIO_NOWAIT, list, 3, NULL));
        EQUAL(FINISH(&write), 4);
        OK(lio_listio(mode ? LIO_WAIT : LIO_NOWAIT, only, 1, NULL));
        CHECK(aio_error(&nop) != EINPROGRESS);
    }
    FAILS(sigtimedwait(&set, NULL, &short_), EAGAIN);
    return 0;
}
