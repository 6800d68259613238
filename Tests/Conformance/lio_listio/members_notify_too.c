// holds: Each member's own aio_sigevent is honoured besides the list's, in both modes.
// source: lio_listio
#include "../check.h"

int main(void) {
    int file = scratch_file(0);
    sigset_t set;
    siginfo_t information;
    struct timespec limit = {10, 0}, short_ = {0, 100000000};
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
    for (int mode = 0; mode < 2; mode++) {
        struct aiocb controls[4], *list[4];
        struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
        event.sigev_value.sival_int = 100;
        for (int i = 0; i < 4; i++) {
            controls[i] = request(file, "data", 4, 4 * i);
            controls[i].aio_lio_opcode = LIO_WRITE;
            controls[i].aio_sigevent = event;
            controls[i].aio_sigevent.sigev_value.sival_int = i;
            list[i] = &controls[i];
        }
        OK(lio_listio(mode ? LIO_WAIT : LIO_NOWAIT, list, 4, &event));
        int seen = 0, of_list = 0;
        for (int i = 0; i < (mode ? 4 : 5); i++) {
            EQUAL(sigtimedwait(&set, &information, &limit), SIGRTMIN);
            if (information.si_value.sival_int == 100) of_list++;
            else seen |= 1 << information.si_value.sival_int;
        }
        EQUAL(seen, 15);
        // LIO_WAIT ignores the list's sigevent.
        EQUAL(of_list, mode ? 0 : 1);
        FAILS(sigtimedwait(&set, NULL, &short_), EAGAIN);
        for (int i = 0; i < 4; i++) EQUAL(FINISH(&controls[i]), 4);
    }
    return 0;
}
