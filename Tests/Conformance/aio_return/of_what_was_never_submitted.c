// holds: aio_return on an aiocb that was never submitted, or on a copy of one that was, fails with EINVAL.
// source: aio_return
#include "../check.h"

int main(void) {
    int file = scratch_file(0);
    struct aiocb control, copy;
    for (int byte = 0; byte < 256; byte++) {
        memset(&control, byte, sizeof control);
        FAILS(aio_return(&control), EINVAL);
    }
    control = request(file, "data", 4, 0);
    OK(aio_write(&control));
    EQUAL(wait_for(&control, 10), 0);
    copy = control;
    FAILS(aio_return(&copy), EINVAL);
    EQUAL(aio_return(&control), 4);
    return 0;
}
