// holds: aio_cancel on a descriptor that is not open fails with EBADF.
// source: aio_cancel
#include "../check.h"

int main(void) {
    int closed = dup(0);
    close(closed);
    struct aiocb control = request(closed, NULL, 0, 0);
    FAILS(aio_cancel(closed, NULL), EBADF);
    FAILS(aio_cancel(closed, &control), EBADF);
    FAILS(aio_cancel(-1, NULL), EBADF);
    FAILS(aio_cancel(INT_MAX, NULL), EBADF);
    return 0;
}
