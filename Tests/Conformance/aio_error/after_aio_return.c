// holds: aio_error of an untouched aiocb gives the same after aio_return as before: "if aio_return gives -1, why is in aio_error".
// source: glibc (compatibility)
#include "../check.h"

int main(void) {
    int file = scratch_file(0);
    struct aiocb good = request(file, "data", 4, 0), bad = request(-1, NULL, 1, 0), sync = request(file, NULL, 0, 0);
    OK(aio_write(&good));
    EQUAL(FINISH(&good), 4);
    EQUAL(aio_error(&good), 0);
    OK(aio_read(&bad));
    FINISHES_WITH(&bad, EBADF);
    EQUAL(aio_error(&bad), EBADF);
    OK(aio_fsync(O_SYNC, &sync));
    EQUAL(FINISH(&sync), 0);
    EQUAL(aio_error(&sync), 0);
    // It is not in progress: nobody waits for it, and it can be submitted.
    const struct aiocb *list[1] = {&good};
    OK(aio_suspend(list, 1, NULL));
    EQUAL(aio_cancel(file, &good), AIO_ALLDONE);
    OK(aio_write(&good));
    EQUAL(FINISH(&good), 4);
    return 0;
}
