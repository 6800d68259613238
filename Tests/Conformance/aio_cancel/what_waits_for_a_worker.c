// holds: A request that waits for a thread to run it is really cancelled.
// source: aio_cancel
// environment: KAIO_WORKERS=1
#include "../slow.h"

int main(void) {
    // In the C library's own words: one thread.
    struct aioinit one = {.aio_threads = 1, .aio_num = 16};
    aio_init(&one);
    int files[2] = {scratch_file(0), scratch_file(0)};
    struct slow slow = slow_memory();
    unsigned char *buffer = aligned_buffer(SLOW_SIZE);
    for (int i = 0; i < 2; i++) write_pattern(files[i], SLOW_SIZE, (uint64_t)i, 0);
    struct aiocb first = request(files[0], slow.memory, SLOW_SIZE, 0), second = request(files[1], buffer, SLOW_SIZE, 0);
    OK(aio_read(&first));
    SLOW_TOUCHED(&slow);
    OK(aio_read(&second));
    EQUAL(aio_error(&second), EINPROGRESS);
    EQUAL(aio_cancel(files[1], &second), AIO_CANCELED);
    EQUAL(aio_error(&second), ECANCELED);
    EQUAL(aio_return(&second), -1);
    slow_release(&slow, NULL);
    EQUAL(FINISH(&first), SLOW_SIZE);
    for (size_t i = 0; i < SLOW_SIZE; i++) EQUAL(buffer[i], 0);
    return 0;
}
