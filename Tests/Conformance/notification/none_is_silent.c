// holds: SIGEV_NONE: no signal and no function call, whatever becomes of the request.
// source: aio.h
#include "../check.h"

static atomic_int signals;
static void handler(int signal) { signals += signal != 0; }

int main(void) {
    for (int number = SIGRTMIN; number <= SIGRTMAX; number++) signal(number, handler);
    signal(SIGUSR1, handler);
    signal(SIGUSR2, handler);
    signal(SIGIO, handler);
    int descriptor = scratch_file(0), ends[2];
    open_pipe(ends);
    char block[512] = {0}, byte;
    struct aiocb good = request(descriptor, block, sizeof block, 0);
    struct aiocb bad = request(-1, block, sizeof block, 0);
    struct aiocb recalled = request(ends[0], &byte, 1, 0);
    struct aiocb *list[] = {&good, &bad};
    struct sigevent *events[] = {&good.aio_sigevent, &bad.aio_sigevent, &recalled.aio_sigevent};
    for (int i = 0; i < 3; i++) {  // what SIGEV_NONE must not look at
        events[i]->sigev_signo = SIGUSR1;
        events[i]->sigev_value.sival_int = 5;
    }
    good.aio_lio_opcode = LIO_WRITE;
    bad.aio_lio_opcode = LIO_WRITE;
    OK(aio_read(&recalled));
    struct sigevent none = {.sigev_notify = SIGEV_NONE, .sigev_signo = SIGUSR1};
    if (lio_listio(LIO_NOWAIT, list, 2, &none) != 0) EQUAL(errno, EIO);
    EQUAL(FINISH(&good), sizeof block);
    EQUAL(wait_for(&bad, 10), EBADF);
    aio_cancel(ends[0], &recalled);
    EQUAL(write(ends[1], "x", 1), 1);
    sleep_for(0.3);
    EQUAL(signals, 0);
}
