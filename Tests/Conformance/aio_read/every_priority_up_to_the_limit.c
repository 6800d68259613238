// holds: aio_reqprio may be 0 to AIO_PRIO_DELTA_MAX; beyond that aio_read fails with EINVAL and queues nothing.
// source: aio_read
#include "../check.h"

int main(void) {
    int file = scratch_file(0), most = (int)sysconf(_SC_AIO_PRIO_DELTA_MAX), wrong[] = {-1, most + 1, INT_MAX, INT_MIN};
    write_pattern(file, 4096, 1, 0);
    unsigned char buffer[512];
    for (int priority = 0; priority <= most; priority++) {
        memset(buffer, 0, sizeof buffer);
        struct aiocb control = request(file, buffer, 512, 0);
        control.aio_reqprio = priority;
        OK(aio_read(&control));
        EQUAL(FINISH(&control), 512);
        VERIFY(buffer, 512, 1, 0);
    }
    for (int i = 0; i < 4; i++) {
        memset(buffer, 0xee, sizeof buffer);
        struct aiocb control = request(file, buffer, 512, 0);
        control.aio_reqprio = wrong[i];
        FAILS(aio_read(&control), EINVAL);
        EQUAL(aio_cancel(file, NULL), AIO_ALLDONE);
        EQUAL(buffer[0], 0xee);
    }
    return 0;
}
