// holds: A read behind a write that overlaps it gives what was written, though it is small and in the page cache.
// source: FACTS choice (order)
#include "../slow.h"

int main(void) {
    int file = scratch_file(0);
    write_pattern(file, SLOW_SIZE, 1, 0);
    struct slow slow = slow_memory();
    unsigned char *data = aligned_buffer(SLOW_SIZE), small[512], *large = aligned_buffer(SLOW_SIZE);
    fill(data, SLOW_SIZE, 2, 0);
    struct aiocb writing = request(file, slow.memory, SLOW_SIZE, 0), reads[2] = {
        request(file, small, sizeof small, SLOW_SIZE / 2), request(file, large, SLOW_SIZE, 0)};
    OK(aio_write(&writing));
    SLOW_TOUCHED(&slow);
    for (int i = 0; i < 2; i++) {
        OK(aio_read(&reads[i]));
        EQUAL(aio_error(&reads[i]), EINPROGRESS);
    }
    slow_release(&slow, data);
    EQUAL(FINISH(&writing), SLOW_SIZE);
    EQUAL(FINISH(&reads[0]), sizeof small);
    EQUAL(FINISH(&reads[1]), SLOW_SIZE);
    VERIFY(small, sizeof small, 2, SLOW_SIZE / 2);
    VERIFY(large, SLOW_SIZE, 2, 0);
    return 0;
}
