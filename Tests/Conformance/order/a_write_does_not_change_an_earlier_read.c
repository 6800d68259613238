// holds: A write behind a read that overlaps it waits: the read gives what was there before.
// source: FACTS choice (order)
#include "../slow.h"

int main(void) {
    int file = scratch_file(0);
    write_pattern(file, SLOW_SIZE, 1, 0);
    struct slow slow = slow_memory();
    unsigned char data[4096];
    fill(data, sizeof data, 2, 0);
    struct aiocb reading = request(file, slow.memory, SLOW_SIZE, 0), writing = request(file, data, 4096, SLOW_SIZE / 2);
    struct timespec short_ = {0, 100000000};
    const struct aiocb *list[1] = {&writing};
    OK(aio_read(&reading));
    SLOW_TOUCHED(&slow);
    OK(aio_write(&writing));
    FAILS(aio_suspend(list, 1, &short_), EAGAIN);
    slow_release(&slow, NULL);
    EQUAL(FINISH(&reading), SLOW_SIZE);
    VERIFY(slow.memory, SLOW_SIZE, 1, 0);
    EQUAL(FINISH(&writing), 4096);
    memset(data, 0, sizeof data);
    EQUAL(pread(file, data, 4096, SLOW_SIZE / 2), 4096);
    VERIFY(data, 4096, 2, 0);
    return 0;
}
