// holds: aio_error on a copy of an aiocb fails with EINVAL, whether the request is in progress or done.
// source: kaio (extension)
#include "../check.h"

int main(void) {
    int ends[2];
    char byte;
    OK(pipe(ends));
    struct aiocb control = request(ends[0], &byte, 1, 0);
    OK(aio_read(&control));
    struct aiocb copy = control;
    FAILS(aio_error(&copy), EINVAL);
    EQUAL(write(ends[1], "x", 1), 1);
    EQUAL(wait_for(&control, 10), 0);
    copy = control;
    FAILS(aio_error(&copy), EINVAL);
    EQUAL(aio_return(&control), 1);
    return 0;
}
