// holds: Every function's ...64 name does the same, also beyond 4 GiB, and may be mixed with the plain one.
// source: glibc (compatibility)
#include "../check.h"

int main(void) {
    enum { size = 8192 };
    const off64_t far = ((off64_t)6 << 30) + 4096;
    int descriptor = scratch_file(0), ends[2];
    char block[size];
    fill(block, size, 2, (uint64_t)far);
    struct aiocb64 control;
    memset(&control, 0, sizeof control);
    EQUAL(sizeof control, sizeof(struct aiocb));
    control.aio_fildes = descriptor;
    control.aio_buf = block;
    control.aio_nbytes = size;
    control.aio_offset = far;
    control.aio_sigevent.sigev_notify = SIGEV_NONE;
    const struct aiocb64 *waiting[] = {&control};
    struct aiocb64 *list[] = {&control};

    OK(aio_write64(&control));
    OK(aio_suspend64(waiting, 1, NULL));
    EQUAL(aio_error64(&control), 0);
    EQUAL(aio_return64(&control), size);
    OK(aio_fsync64(O_SYNC, &control));
    OK(aio_suspend64(waiting, 1, NULL));
    EQUAL(aio_return64(&control), 0);
    memset(block, 0, size);
    control.aio_lio_opcode = LIO_READ;
    OK(lio_listio64(LIO_WAIT, list, 1, NULL));
    EQUAL(aio_error((struct aiocb *)&control), 0);
    EQUAL(aio_return((struct aiocb *)&control), size);
    VERIFY(block, size, 2, (uint64_t)far);
    memset(block, 0, size);
    OK(aio_read64(&control));
    EQUAL(FINISH((struct aiocb *)&control), size);
    VERIFY(block, size, 2, (uint64_t)far);
    EQUAL(aio_cancel64(descriptor, &control), AIO_ALLDONE);
    open_pipe(ends);
    EQUAL(aio_cancel64(ends[0], NULL), AIO_ALLDONE);
}
