// holds: LIO_WAIT ignores the list's sigevent; the members' own notifications are sent.
// source: lio_listio
#include "../check.h"

int main(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigaddset(&set, SIGRTMIN + 1);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    int descriptor = scratch_file(0);
    char block[512] = {0};
    struct aiocb control = request(descriptor, block, sizeof block, 0), *list[] = {&control};
    control.aio_lio_opcode = LIO_WRITE;
    control.aio_sigevent.sigev_notify = SIGEV_SIGNAL;
    control.aio_sigevent.sigev_signo = SIGRTMIN + 1;
    struct sigevent event;
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGRTMIN;
    OK(lio_listio(LIO_WAIT, list, 1, &event));
    EQUAL(aio_error(&control), 0);
    const struct timespec limit = {10, 0}, soon = {0, 200000000};
    EQUAL(sigtimedwait(&set, NULL, &limit), SIGRTMIN + 1);
    FAILS(sigtimedwait(&set, NULL, &soon), EAGAIN);
    EQUAL(aio_return(&control), sizeof block);
}
