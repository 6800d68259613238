// holds: aio_fsync reads aio_fildes and aio_sigevent only: the other members may be garbage.
// source: FACTS choice (aio_fsync)
#include "../check.h"

int main(void) {
    int file = scratch_file(0);
    struct aiocb control = request(file, (void *)8, SIZE_MAX, -77);
    control.aio_reqprio = INT_MIN;
    control.aio_lio_opcode = 4711;
    OK(aio_fsync(O_SYNC, &control));
    EQUAL(FINISH(&control), 0);
    OK(aio_fsync(O_DSYNC, &control));
    EQUAL(FINISH(&control), 0);
    return 0;
}
