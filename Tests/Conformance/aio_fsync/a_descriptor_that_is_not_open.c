// holds: aio_fsync on a descriptor that is not open fails with EBADF.
// source: aio_fsync
#include "../check.h"

int main(void) {
    int closed = dup(0), wild[] = {closed, -1, INT_MAX};
    close(closed);
    for (int i = 0; i < 3; i++) {
        struct aiocb control = request(wild[i], NULL, 0, 0);
        FAILS(aio_fsync(O_SYNC, &control), EBADF);
        FAILS(aio_fsync(O_DSYNC, &control), EBADF);
    }
    return 0;
}
