// holds: What poll calls ready for ever, while a read has to wait (the error queue of a socket is filled), costs no CPU time, and the data are read when they come.
// source: kaio
#include "streams.h"
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>

// Whether poll says POLLERR.
#include <poll.h>
static int has_error(int descriptor) {
    struct pollfd wanted = {descriptor, POLLIN, 0};
    return poll(&wanted, 1, 10) == 1 && wanted.revents & POLLERR;
}

static void check_stream(void) {
    enum { datagrams, stream, kinds };
    int ends[kinds][2], stamps = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE, on = 1;
    char blocks[kinds][16], other[16];
    struct aiocb controls[kinds];
    open_inet(SOCK_DGRAM, ends[datagrams]);
    OK(setsockopt(ends[datagrams][0], SOL_SOCKET, SO_TIMESTAMPING, &stamps, sizeof stamps));
    open_inet(SOCK_STREAM, ends[stream]);
    OK(setsockopt(ends[stream][0], SOL_SOCKET, SO_ZEROCOPY, &on, sizeof on));
    for (int i = 0; i < kinds; i++) {
        EQUAL(send(ends[i][0], "q", 1, i == stream ? MSG_ZEROCOPY : 0), 1);
        EQUAL(read(ends[i][1], other, sizeof other), 1);
        while (!has_error(ends[i][0])) {}
        controls[i] = request(ends[i][0], blocks[i], sizeof blocks[i], 0);
        OK(aio_read(&controls[i]));
    }
    double before = cpu_time();
    const struct aiocb *list[] = {&controls[0], &controls[1]};
    FAILS(aio_suspend(list, 2, &(struct timespec){2, 0}), EAGAIN);
    double used = cpu_time() - before;
    printf("%.1f ms of CPU time in 2 s\n", used * 1e3);
    CHECK(used < 0.02 * times_slower());
    for (int i = 0; i < kinds; i++) {
        EQUAL(write(ends[i][1], "data", 4), 4);
        EQUAL(FINISH(&controls[i]), 4);
        CHECK(memcmp(blocks[i], "data", 4) == 0);
        CHECK(has_error(ends[i][0]));
    }
    // One that waits can be cancelled, and takes nothing.
    OK(aio_read(&controls[stream]));
    EQUAL(aio_cancel(ends[stream][0], &controls[stream]), AIO_CANCELED);
    FINISHES_WITH(&controls[stream], ECANCELED);
    EQUAL(write(ends[stream][1], "kept", 4), 4);
    EQUAL(read(ends[stream][0], other, sizeof other), 4);
}
