// holds: A request whose completion is delayed can't be cancelled, and outlives the close of its descriptor; one that waits below is cancelled without delay.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=ordered delay_inject aio_linux aio_poll' KAIO_VFS_PARAMETERS=delay_inject:delay=400ms
#include "../check.h"

int main(void) {
    enum { size = 4096 };
    int file = scratch_file(0), ends[2];
    unsigned char *block = aligned_buffer(size);
    fill(block, size, 1, 0);
    struct aiocb control = request(file, block, size, 0);
    int64_t began = nanoseconds();
    OK(aio_write(&control));
    // By now it is done, but for the delay.
    sleep_for(0.1);
    int64_t asked = nanoseconds();
    EQUAL(aio_cancel(file, &control), AIO_NOTCANCELED);
    EQUAL(aio_cancel(file, NULL), AIO_NOTCANCELED);
    int other = dup(file);
    OK(close(file));
    CHECK(nanoseconds() - asked < 90000000);
    EQUAL(aio_error(&control), EINPROGRESS);
    EQUAL(FINISH(&control), size);
    CHECK(nanoseconds() - began >= 400000000);
    EQUAL(pread(other, block, size, 0), size);
    VERIFY(block, size, 1, 0);

    OK(pipe(ends));
    struct aiocb waiting = request(ends[0], block, 1, 0);
    OK(aio_read(&waiting));
    began = nanoseconds();
    EQUAL(aio_cancel(ends[0], &waiting), AIO_CANCELED);
    CHECK(nanoseconds() - began < 300000000);
    FINISHES_WITH(&waiting, ECANCELED);
}
