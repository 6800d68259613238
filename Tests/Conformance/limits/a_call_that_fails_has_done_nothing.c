// holds: Where there is no control block for a request, the call fails with EAGAIN and nothing was read, though the data is in the page cache.
// source: aio_read ("the request was not queued due to system resource limitations")
// environment: KAIO_MAX_REQUESTS=1
#include "../check.h"

int main(void) {
    enum { size = 512 };
    int file = scratch_file(0), ends[2];
    unsigned char block[size] = {0}, nothing[size] = {0};
    char byte;
    write_pattern(file, size, 1, 0);
    signal(SIGUSR1, SIG_IGN);
    // It is known what the descriptor is, and that it is in the cache.
    struct aiocb read = request(file, block, size, 0);
    for (int i = 0; i < 2; i++) {
        OK(aio_read(&read));
        EQUAL(FINISH(&read), size);
    }
    // The only one there may be.
    OK(pipe(ends));
    struct aiocb waiting = request(ends[0], &byte, 1, 0);
    OK(aio_read(&waiting));
    memset(block, 0, size);
    read = request(file, block, size, 0);
    read.aio_sigevent.sigev_notify = SIGEV_SIGNAL;
    read.aio_sigevent.sigev_signo = SIGUSR1;
    FAILS(aio_read(&read), EAGAIN);
    EQUAL(memcmp(block, nothing, size), 0);
    EQUAL(write(ends[1], "x", 1), 1);
    EQUAL(FINISH(&waiting), 1);
    OK(aio_read(&read));
    EQUAL(FINISH(&read), size);
    VERIFY(block, size, 1, 0);
}
