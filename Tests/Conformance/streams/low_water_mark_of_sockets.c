// holds: SO_RCVLOWAT keeps a read waiting for as many bytes as it keeps a plain one, and no longer: until they are there, the other end is closed, or SO_RCVTIMEO is up, which gives what there is.
// source: kaio
#include "streams.h"
#include <sys/ioctl.h>

static void await_arrival(int descriptor, int count) {
    int there;
    do OK(ioctl(descriptor, FIONREAD, &there));
    while (there < count);
}

static void check_kind(void (*open_ends)(int, int[2])) {
    int ends[2], mark = 10;
    char block[64];
    open_ends(SOCK_STREAM, ends);
    OK(setsockopt(ends[0], SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof mark));
    struct aiocb control = request(ends[0], block, sizeof block, 0);
    // Too few are there already, and more come one by one.
    EQUAL(write(ends[1], "abc", 3), 3);
    await_arrival(ends[0], 3);
    OK(aio_read(&control));
    for (int i = 0; i < 6; i++) {
        EQUAL(wait_for(&control, 0.03), EINPROGRESS);
        EQUAL(write(ends[1], "d", 1), 1);
    }
    EQUAL(wait_for(&control, 0.1), EINPROGRESS);
    double before = cpu_time();
    EQUAL(wait_for(&control, 0.5), EINPROGRESS);
    CHECK(cpu_time() - before < 0.02 * times_slower());
    EQUAL(write(ends[1], "ef", 2), 2);
    EQUAL(FINISH(&control), 11);
    CHECK(memcmp(block, "abcddddddef", 11) == 0);
    // As many as the read asks for are there, though fewer than the mark.
    EQUAL(write(ends[1], "xyz", 3), 3);
    await_arrival(ends[0], 3);
    control.aio_nbytes = 3;
    OK(aio_read(&control));
    EQUAL(FINISH(&control), 3);
    // Nothing more will come in time.
    struct timeval limit = {0, 200000};
    OK(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
    control.aio_nbytes = sizeof block;
    EQUAL(write(ends[1], "xy", 2), 2);
    await_arrival(ends[0], 2);
    OK(aio_read(&control));
    EQUAL(FINISH(&control), 2);
    // Nor afterwards.
    limit = (struct timeval){0, 0};
    OK(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
    EQUAL(write(ends[1], "zz", 2), 2);
    OK(aio_read(&control));
    EQUAL(wait_for(&control, 0.05), EINPROGRESS);
    close(ends[1]);
    EQUAL(FINISH(&control), 2);
    OK(aio_read(&control));
    EQUAL(FINISH(&control), 0);
    close(ends[0]);
}

static void check_stream(void) {
    check_kind(open_unix);
    check_kind(open_inet);
    // Datagrams mind no mark.
    int ends[2], mark = 10;
    char block[64];
    open_unix(SOCK_DGRAM, ends);
    OK(setsockopt(ends[0], SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof mark));
    struct aiocb control = request(ends[0], block, sizeof block, 0);
    OK(aio_read(&control));
    EQUAL(write(ends[1], "abc", 3), 3);
    EQUAL(FINISH(&control), 3);
}
