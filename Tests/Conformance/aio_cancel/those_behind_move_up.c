// holds: When a request is cancelled those that waited behind it run as if it had never been.
// source: kaio (extension)
#include "../slow.h"

int main(void) {
    int file = scratch_file(0);
    struct slow slow = slow_memory();
    unsigned char *data[3];
    struct aiocb controls[3], first = request(file, slow.memory, SLOW_SIZE, 0);
    OK(aio_write(&first));
    SLOW_TOUCHED(&slow);
    for (int i = 0; i < 3; i++) {
        data[i] = aligned_buffer(8192);
        fill(data[i], 8192, (uint64_t)i, 0);
        controls[i] = request(file, data[i], 8192, 4096 * i);
        OK(aio_write(&controls[i]));
    }
    EQUAL(aio_cancel(file, &controls[1]), AIO_CANCELED);
    slow_release(&slow, NULL);
    EQUAL(FINISH(&first), SLOW_SIZE);
    EQUAL(FINISH(&controls[0]), 8192);
    EQUAL(FINISH(&controls[2]), 8192);
    unsigned char back[16384];
    EQUAL(pread(file, back, 16384, 0), 16384);
    VERIFY(back, 8192, 0, 0);
    VERIFY(back + 8192, 8192, 2, 0);
    return 0;
}
