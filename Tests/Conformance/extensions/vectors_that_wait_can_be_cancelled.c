// holds: aio_cancel cancels aio_readv and aio_writev that wait: ECANCELED, -1, and no byte is moved; the write at the head of a pipe is in progress.
// source: kaio
// modes: linked
#include "../check.h"
#include "../../../include/kaio.h"
#include <sys/ioctl.h>

int main(void) {
    static unsigned char in[100], out[1 << 18], drain[1 << 19];
    struct iovec into[2] = {{in, 50}, {in + 50, 50}}, from[2] = {{out, 1000}, {out + 1000, sizeof out - 1000}};
    int ends[2];
    open_pipe(ends);
    memset(in, 0xee, sizeof in);
    fill(out, sizeof out, 1, 0);

    struct aiocb reads[3], writes[3];
    for (int i = 0; i < 3; i++) {
        reads[i] = request(ends[0], into, 2, 0);
        OK(aio_readv(&reads[i]));
    }
    EQUAL(aio_cancel(ends[0], &reads[1]), AIO_CANCELED);
    EQUAL(aio_error(&reads[1]), ECANCELED);
    EQUAL(aio_return(&reads[1]), -1);
    EQUAL(aio_error(&reads[0]), EINPROGRESS);
    EQUAL(aio_cancel(ends[0], NULL), AIO_CANCELED);
    FINISHES_WITH(&reads[0], ECANCELED);
    FINISHES_WITH(&reads[2], ECANCELED);
    EQUAL(aio_cancel(ends[0], NULL), AIO_ALLDONE);

    for (int i = 0; i < 3; i++) {
        writes[i] = request(ends[1], from, 2, 0);
        OK(aio_writev(&writes[i]));
    }
    // Where a pipe knows no RWF_NOWAIT, up to Linux 6.1, a worker begins it.
    int there = 0;
    for (double end = now() + 10; there == 0 && now() < end;) OK(ioctl(ends[0], FIONREAD, &there));
    EQUAL(aio_cancel(ends[1], &writes[0]), AIO_NOTCANCELED);
    EQUAL(aio_cancel(ends[1], &writes[1]), AIO_CANCELED);
    FINISHES_WITH(&writes[1], ECANCELED);
    size_t got = 0;
    while (got < 2 * sizeof out) {
        ssize_t count = read(ends[0], drain + got, sizeof drain - got);
        CHECK(count > 0);
        got += (size_t)count;
    }
    VERIFY(drain, sizeof out, 1, 0);
    VERIFY(drain + sizeof out, sizeof out, 1, 0);
    EQUAL(FINISH(&writes[0]), sizeof out);
    EQUAL(FINISH(&writes[2]), sizeof out);
    for (size_t i = 0; i < sizeof in; i++) EQUAL(in[i], 0xee);
    return 0;
}
