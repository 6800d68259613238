// holds: aio_cancel gives AIO_ALLDONE when the request, or all on the descriptor, are done; status and result stay.
// source: aio_cancel
#include "../check.h"

int main(void) {
    int file = scratch_file(0);
    struct aiocb control = request(file, "data", 4, 0), never = request(file, "data", 4, 0);
    EQUAL(aio_cancel(file, NULL), AIO_ALLDONE);
    OK(aio_write(&control));
    EQUAL(wait_for(&control, 10), 0);
    EQUAL(aio_cancel(file, &control), AIO_ALLDONE);
    EQUAL(aio_cancel(file, NULL), AIO_ALLDONE);
    EQUAL(aio_error(&control), 0);
    EQUAL(aio_return(&control), 4);
    EQUAL(aio_cancel(file, &control), AIO_ALLDONE);
    EQUAL(aio_cancel(file, &never), AIO_ALLDONE);
    return 0;
}
