// holds: Requests that overlap on one file take effect in call order also through different descriptors of it.
// source: kaio (extension)
#include "../slow.h"

int main(void) {
    char path[64];
    for (int kind = 0; kind < 2; kind++) {
        int file = scratch_file(0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", file);
        int other = kind ? open(path, O_RDWR) : dup(file);
        CHECK(other >= 0);
        write_pattern(file, SLOW_SIZE, 1, 0);
        struct slow slow = slow_memory();
        unsigned char data[4096];
        fill(data, sizeof data, 2, 0);
        struct aiocb reading = request(file, slow.memory, SLOW_SIZE, 0), writing = request(other, data, 4096, 0);
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
    }
    return 0;
}
