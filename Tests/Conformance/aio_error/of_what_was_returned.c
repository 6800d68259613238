// holds: aio_error on an aiocb whose result aio_return has given returns the value EINVAL.
// source: aio_error
#include "../check.h"

int main(void) {
    int file = scratch_file(0);
    struct aiocb good = request(file, "data", 4, 0), bad = request(-1, NULL, 1, 0), sync = request(file, NULL, 0, 0);
    OK(aio_write(&good));
    EQUAL(FINISH(&good), 4);
    EQUAL(aio_error(&good), EINVAL);
    OK(aio_read(&bad));
    FINISHES_WITH(&bad, EBADF);
    EQUAL(aio_error(&bad), EINVAL);
    OK(aio_fsync(O_SYNC, &sync));
    EQUAL(FINISH(&sync), 0);
    EQUAL(aio_error(&sync), EINVAL);
    return 0;
}
