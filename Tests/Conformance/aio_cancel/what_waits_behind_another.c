// holds: A request that waits for its turn is really cancelled: AIO_CANCELED, status ECANCELED, result -1, and it never runs.
// source: aio_cancel
#include "../slow.h"

int main(void) {
    int file = scratch_file(0);
    struct slow slow = slow_memory();
    unsigned char *data = aligned_buffer(SLOW_SIZE);
    struct aiocb first = request(file, slow.memory, SLOW_SIZE, 0), second = request(file, data, SLOW_SIZE, 0);
    fill(data, SLOW_SIZE, 2, 0);
    OK(aio_write(&first));
    SLOW_TOUCHED(&slow);
    OK(aio_write(&second));
    EQUAL(aio_error(&second), EINPROGRESS);
    EQUAL(aio_cancel(file, &second), AIO_CANCELED);
    EQUAL(aio_error(&second), ECANCELED);
    EQUAL(aio_return(&second), -1);
    fill(data, SLOW_SIZE, 1, 0);
    slow_release(&slow, data);
    EQUAL(FINISH(&first), SLOW_SIZE);
    EQUAL(pread(file, data, SLOW_SIZE, 0), SLOW_SIZE);
    VERIFY(data, SLOW_SIZE, 1, 0);
    return 0;
}
