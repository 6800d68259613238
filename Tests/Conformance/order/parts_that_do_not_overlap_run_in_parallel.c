// holds: While one request on a file is slow, reads and writes elsewhere in the file complete, through the same descriptor.
// source: kaio (extension)
#include "../slow.h"

int main(void) {
    int file = scratch_file(0);
    size_t size = 8 * SLOW_SIZE;
    write_pattern(file, size, 1, 0);
    unsigned char *buffer = aligned_buffer(SLOW_SIZE);
    // A slow read: others read small and large, and write. They are nowhere near it, as a sequential stream may
    // be kept in order.
    struct slow slow = slow_memory();
    struct aiocb first = request(file, slow.memory, SLOW_SIZE, 0);
    OK(aio_read(&first));
    SLOW_TOUCHED(&slow);
    size_t sizes[] = {512, SLOW_SIZE};
    for (int i = 0; i < 2; i++) {
        struct aiocb other = request(file, buffer, sizes[i], (off_t)(2 * SLOW_SIZE));
        OK(aio_read(&other));
        EQUAL(FINISH(&other), sizes[i]);
        VERIFY(buffer, sizes[i], 1, 2 * SLOW_SIZE);
        fill(buffer, sizes[i], 2, 0);
        other.aio_offset = (off_t)(5 * SLOW_SIZE);
        OK(aio_write(&other));
        EQUAL(FINISH(&other), sizes[i]);
    }
    EQUAL(aio_error(&first), EINPROGRESS);
    slow_release(&slow, NULL);
    EQUAL(FINISH(&first), SLOW_SIZE);
    VERIFY(slow.memory, SLOW_SIZE, 1, 0);
    // A slow write: others read. (Writers would wait for the kernel's lock.)
    slow = slow_memory();
    first = request(file, slow.memory, SLOW_SIZE, 0);
    OK(aio_write(&first));
    SLOW_TOUCHED(&slow);
    for (int i = 0; i < 2; i++) {
        struct aiocb other = request(file, buffer, sizes[i], (off_t)(2 * SLOW_SIZE));
        OK(aio_read(&other));
        EQUAL(FINISH(&other), sizes[i]);
        VERIFY(buffer, sizes[i], 1, 2 * SLOW_SIZE);
    }
    EQUAL(aio_error(&first), EINPROGRESS);
    slow_release(&slow, NULL);
    EQUAL(FINISH(&first), SLOW_SIZE);
    return 0;
}
