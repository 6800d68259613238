// holds: aio_write returns when the request is initiated or queued, before the data is anywhere.
// source: aio_write
#include "../slow.h"

int main(void) {
    int file = scratch_file(0);
    struct slow slow = slow_memory();
    unsigned char *data = aligned_buffer(SLOW_SIZE);
    fill(data, SLOW_SIZE, 1, 0);
    struct aiocb control = request(file, slow.memory, SLOW_SIZE, 0);
    OK(aio_write(&control));
    SLOW_TOUCHED(&slow);
    EQUAL(aio_error(&control), EINPROGRESS);
    slow_release(&slow, data);
    EQUAL(FINISH(&control), SLOW_SIZE);
    EQUAL(pread(file, data, SLOW_SIZE, 0), SLOW_SIZE);
    VERIFY(data, SLOW_SIZE, 1, 0);
    return 0;
}
