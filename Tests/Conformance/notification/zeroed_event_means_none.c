// holds: A zeroed sigevent (SIGEV_SIGNAL with signal 0) means no notification, and the request is done as any other.
// source: glibc (compatibility)
#include "../check.h"

static atomic_int signals;
static void handler(int signal) { signals += signal != 0; }

int main(void) {
    for (int number = SIGRTMIN; number <= SIGRTMAX; number++) signal(number, handler);
    signal(SIGUSR1, handler);
    signal(SIGUSR2, handler);
    signal(SIGIO, handler);
    int descriptor = scratch_file(0);
    char block[512];
    fill(block, sizeof block, 1, 0);
    struct aiocb control = request(descriptor, block, sizeof block, 0);
    memset(&control.aio_sigevent, 0, sizeof control.aio_sigevent);
    OK(aio_write(&control));
    EQUAL(FINISH(&control), sizeof block);
    OK(aio_fsync(O_SYNC, &control));
    EQUAL(FINISH(&control), 0);

    struct sigevent zeroed;
    memset(&zeroed, 0, sizeof zeroed);
    struct aiocb *list[] = {&control};
    control.aio_lio_opcode = LIO_READ;
    memset(block, 0, sizeof block);
    OK(lio_listio(LIO_NOWAIT, list, 1, &zeroed));
    EQUAL(FINISH(&control), sizeof block);
    VERIFY(block, sizeof block, 1, 0);
    sleep_for(0.3);
    EQUAL(signals, 0);
}
