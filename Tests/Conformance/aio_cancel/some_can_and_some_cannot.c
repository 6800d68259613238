// holds: When at least one request on the descriptor cannot be cancelled the answer is AIO_NOTCANCELED; aio_error tells which.
// source: aio_cancel
#include "../slow.h"

int main(void) {
    int file = scratch_file(0);
    struct slow slow = slow_memory();
    unsigned char *data = aligned_buffer(SLOW_SIZE);
    struct aiocb first = request(file, slow.memory, SLOW_SIZE, 0), waiting[3];
    OK(aio_write(&first));
    SLOW_TOUCHED(&slow);
    for (int i = 0; i < 3; i++) {
        waiting[i] = request(file, data, SLOW_SIZE, 0);
        OK(aio_write(&waiting[i]));
    }
    EQUAL(aio_cancel(file, NULL), AIO_NOTCANCELED);
    EQUAL(aio_error(&first), EINPROGRESS);
    for (int i = 0; i < 3; i++) EQUAL(aio_error(&waiting[i]), ECANCELED);
    slow_release(&slow, NULL);
    EQUAL(FINISH(&first), SLOW_SIZE);
    return 0;
}
