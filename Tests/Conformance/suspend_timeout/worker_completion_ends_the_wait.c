// holds: A thread that sleeps in aio_suspend wakes for whatever finishes its request: the disk, a worker, a pipe.
// source: aio_suspend
#include "../check.h"

int main(void) {
    enum { size = 1 << 20 };
    int buffered = scratch_file(0), direct = scratch_file(O_DIRECT), ends[2];
    char *block = aligned_buffer(size), byte;
    fill(block, size, 9, 0);
    EQUAL(pwrite(direct, block, size, 0), size);
    open_pipe(ends);
    struct aiocb pipe = request(ends[0], &byte, 1, 0);  // in flight all the time
    OK(aio_read(&pipe));
    for (int round = 0; round < 30; round++) {
        struct aiocb control = request(round % 3 == 1 ? direct : buffered, block, size, 0);
        const struct aiocb *list[] = {&pipe, &control};
        if (round % 3 == 2) OK(aio_fsync(O_SYNC, &control));
        else if (round % 3 == 1) OK(aio_read(&control));
        else OK(aio_write(&control));
        OK(aio_suspend(list, 2, NULL));
        EQUAL(aio_error(&control), 0);
        EQUAL(aio_error(&pipe), EINPROGRESS);
        EQUAL(aio_return(&control), round % 3 == 2 ? 0 : size);
    }
    VERIFY(block, size, 9, 0);
    EQUAL(write(ends[1], "x", 1), 1);
    EQUAL(FINISH(&pipe), 1);
}
