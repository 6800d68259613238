// holds: On an O_NONBLOCK pipe or socket aio_readv and aio_writev do what can be done at once; nothing can: the status EAGAIN.
// source: kaio
// modes: linked
#include "../check.h"
#include "../../../include/kaio.h"
#include <sys/socket.h>

int main(void) {
    static unsigned char out[1 << 20], in[1 << 20];
    struct iovec from[4] = {{out, 1000}, {out + 1000, 0}, {out + 1000, 500000}, {out + 501000, sizeof out - 501000}};
    struct iovec into[2] = {{in, 3}, {in + 3, sizeof in - 3}};
    fill(out, sizeof out, 1, 0);
    for (int i = 0; i < 2; i++) {
        int ends[2];
        OK(i ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) : pipe2(ends, O_NONBLOCK));
        struct aiocb control = request(ends[0], into, 2, 0);
        OK(aio_readv(&control));
        FINISHES_WITH(&control, EAGAIN);

        control = request(ends[1], from, 4, 0);
        OK(aio_writev(&control));
        ssize_t written = FINISH(&control);
        CHECK(written > 0 && written < (ssize_t)sizeof out);
        for (;;) {
            control = request(ends[1], from + 3, 1, 0);
            OK(aio_writev(&control));
            if (wait_for(&control, 10) == EAGAIN) break;
            CHECK(aio_return(&control) > 0);
        }
        EQUAL(aio_return(&control), -1);

        memset(in, 0, sizeof in);
        control = request(ends[0], into, 2, 0);
        OK(aio_readv(&control));
        ssize_t got = FINISH(&control);
        CHECK(got > 3);
        VERIFY(in, (size_t)(got < written ? got : written), 1, 0);
        close(ends[0]);
        close(ends[1]);
    }
    return 0;
}
