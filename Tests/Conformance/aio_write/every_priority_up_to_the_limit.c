// holds: aio_reqprio may be 0 to AIO_PRIO_DELTA_MAX; beyond that aio_write fails with EINVAL and writes nothing.
// source: aio_write
#include "../check.h"

int main(void) {
    int file = scratch_file(0), most = (int)sysconf(_SC_AIO_PRIO_DELTA_MAX), wrong[] = {-1, most + 1, INT_MAX, INT_MIN};
    char byte = 'x', back;
    for (int priority = 0; priority <= most; priority++) {
        struct aiocb control = request(file, &byte, 1, priority);
        control.aio_reqprio = priority;
        OK(aio_write(&control));
        EQUAL(FINISH(&control), 1);
        EQUAL(pread(file, &back, 1, priority), 1);
        EQUAL(back, 'x');
    }
    OK(ftruncate(file, 0));
    for (int i = 0; i < 4; i++) {
        struct aiocb control = request(file, &byte, 1, 0);
        control.aio_reqprio = wrong[i];
        FAILS(aio_write(&control), EINVAL);
        EQUAL(aio_cancel(file, NULL), AIO_ALLDONE);
    }
    EQUAL(lseek(file, 0, SEEK_END), 0);
    return 0;
}
