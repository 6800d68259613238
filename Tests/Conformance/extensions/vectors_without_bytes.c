// holds: aio_readv and aio_writev of no buffers, or of empty ones, give 0, as readv and writev do; a bad descriptor is EBADF all the same.
// source: kaio
// modes: linked
#include "../check.h"
#include "../../../include/kaio.h"

int main(void) {
    int file = scratch_file(0), ends[2];
    struct iovec empty[3] = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    open_pipe(ends);
    int descriptors[] = {file, ends[0], ends[1]};
    for (int i = 0; i < 12; i++) {
        int which = i % 3;
        struct aiocb control = request(descriptors[which], i < 6 ? NULL : empty, i < 6 ? 0 : 3, 0);
        OK((which == 1 || (which == 0 && i % 2) ? aio_readv : aio_writev)(&control));
        EQUAL(FINISH(&control), 0);
        control.aio_fildes = -1;
        OK(aio_writev(&control));
        EQUAL(wait_for(&control, 10), EBADF);
        FAILS(aio_return(&control), EBADF);
    }
    struct aiocb control = request(ends[0], NULL, 0, 0);
    OK(aio_writev(&control));
    EQUAL(wait_for(&control, 10), EBADF);
    return 0;
}
