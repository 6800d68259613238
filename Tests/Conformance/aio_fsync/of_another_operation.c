// holds: aio_fsync with an operation other than O_SYNC and O_DSYNC fails with EINVAL.
// source: aio_fsync
#include "../check.h"

int main(void) {
    int file = scratch_file(0), wrong[] = {0, -1, O_RDWR, O_APPEND, INT_MAX};
    for (int i = 0; i < 5; i++) {
        struct aiocb control = request(file, NULL, 0, 0);
        FAILS(aio_fsync(wrong[i], &control), EINVAL);
        EQUAL(aio_cancel(file, NULL), AIO_ALLDONE);
    }
    return 0;
}
