// holds: On a full pipe the write at the head counts as being in progress (AIO_NOTCANCELED); those behind it are cancelled.
// source: FACTS choice (streams)
#include "../check.h"
#include <sys/ioctl.h>

#define SIZE ((size_t)1 << 20)

int main(void) {
    int ends[2];
    OK(pipe(ends));
    unsigned char *data = aligned_buffer(SIZE), *back = aligned_buffer(SIZE);
    fill(data, SIZE, 1, 0);
    struct aiocb head = request(ends[1], data, SIZE, 0), next = request(ends[1], "wrong", 5, 0), last = next;
    OK(aio_write(&head));
    OK(aio_write(&next));
    OK(aio_write(&last));
    // Until the pipe is full the head may still be on its way there.
    for (double end = now() + 10; now() < end;) {
        int count = 0;
        OK(ioctl(ends[0], FIONREAD, &count));
        if (count == fcntl(ends[0], F_GETPIPE_SZ)) break;
        sleep_for(0.001);
    }
    EQUAL(aio_cancel(ends[1], &head), AIO_NOTCANCELED);
    EQUAL(aio_error(&head), EINPROGRESS);
    EQUAL(aio_cancel(ends[1], &last), AIO_CANCELED);
    EQUAL(aio_cancel(ends[1], NULL), AIO_NOTCANCELED);
    EQUAL(aio_error(&next), ECANCELED);
    EQUAL(aio_error(&last), ECANCELED);
    for (size_t done = 0; done < SIZE;) {
        ssize_t count = read(ends[0], back + done, SIZE - done);
        CHECK(count > 0);
        done += (size_t)count;
    }
    EQUAL(FINISH(&head), SIZE);
    VERIFY(back, SIZE, 1, 0);
    close(ends[1]);
    EQUAL(read(ends[0], back, 1), 0);
    return 0;
}
