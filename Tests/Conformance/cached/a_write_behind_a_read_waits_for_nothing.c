// holds: A write behind a cached read of its range waits for nothing, changes nothing that was read, and is read next.
// source: FACTS choice (order)
#include "../check.h"

int main(void) {
    enum { size = 8192, rounds = 300 };
    for (int direct = 0; direct < 2; direct++) {
        int file = scratch_file(0);
        unsigned char *read = aligned_buffer(size), *written = aligned_buffer(size), *next = aligned_buffer(size);
        write_pattern(file, size, 0, 0);
        OK(fsync(file));
        check_service();
        if (direct) OK(fcntl(file, F_SETFL, O_DIRECT));
        for (int round = 0; round < rounds; round++) {
            struct aiocb reads = request(file, read, size, 0), writes = request(file, written, size, 0);
            struct aiocb again = request(file, next, size, 0);
            fill(written, size, (uint64_t)round + 1, 0);
            OK(aio_read(&reads));
            OK(aio_write(&writes));
            OK(aio_read(&again));
            EQUAL(FINISH(&again), size);
            EQUAL(FINISH(&reads), size);
            EQUAL(FINISH(&writes), size);
            VERIFY(read, size, (uint64_t)round, 0);
            VERIFY(next, size, (uint64_t)round + 1, 0);
        }
        close(file);
    }
}
