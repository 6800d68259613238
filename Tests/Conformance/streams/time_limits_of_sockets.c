// holds: SO_RCVTIMEO and SO_SNDTIMEO end a request as they end a plain call: EAGAIN, or the count of what went out; also in a list that waits, while the socket is idle both ways, and never early.
// source: kaio
#include "streams.h"

static void set_limit(int descriptor, int option, double seconds) {
    struct timeval limit = {(time_t)seconds, (suseconds_t)((seconds - (double)(time_t)seconds) * 1e6)};
    OK(setsockopt(descriptor, SOL_SOCKET, option, &limit, sizeof limit));
}

static void check_kind(void (*open_ends)(int, int[2]), int type) {
    static char big[4 << 20];
    char block[64];
    int ends[2], waiting[2];
    open_ends(type, ends);
    int room = 1 << 16;
    OK(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room));
    OK(setsockopt(ends[1], SOL_SOCKET, SO_RCVBUF, &room, sizeof room));
    set_limit(ends[0], SO_RCVTIMEO, 0.2);
    set_limit(ends[0], SO_SNDTIMEO, 0.3);
    struct aiocb input = request(ends[0], block, sizeof block, 0), output = request(ends[0], big, sizeof big, 0);
    double start = now();
    OK(aio_read(&input));
    FINISHES_WITH(&input, EAGAIN);
    CHECK(now() - start >= 0.195);
    // Data in time: nothing else ends it.
    OK(aio_read(&input));
    EQUAL(write(ends[1], "hello", 5), 5);
    EQUAL(FINISH(&input), 5);
    // A list, of which another member waits longer.
    open_ends(type, waiting);
    set_limit(waiting[0], SO_RCVTIMEO, 0.4);
    struct aiocb slower = request(waiting[0], block, sizeof block, 0), *list[] = {&input, &slower};
    input.aio_lio_opcode = slower.aio_lio_opcode = LIO_READ;
    start = now();
    FAILS(lio_listio(LIO_WAIT, list, 2, NULL), EIO);
    CHECK(now() - start >= 0.395);
    FINISHES_WITH(&input, EAGAIN);
    FINISHES_WITH(&slower, EAGAIN);
    // Cancelled before.
    set_limit(ends[0], SO_RCVTIMEO, 600);
    OK(aio_read(&input));
    EQUAL(aio_cancel(ends[0], &input), AIO_CANCELED);
    FINISHES_WITH(&input, ECANCELED);
    // A read and a write at the same time; nobody reads.
    set_limit(ends[0], SO_RCVTIMEO, 0.2);
    start = now();
    OK(aio_read(&input));
    OK(aio_write(&output));
    FINISHES_WITH(&input, EAGAIN);
    ssize_t sent = FINISH(&output);
    CHECK(now() - start >= 0.295);
    printf("%zd bytes went out\n", sent);
    CHECK(sent > 0 && sent < (ssize_t)sizeof big);
    // On a slow machine the kernel makes room after that, when it has put the pieces together.
    for (int tries = 0;; tries++) {
        OK(aio_write(&output));
        int error = wait_for(&output, 10 * times_slower());
        ssize_t more = aio_return(&output);
        if (error == EAGAIN) break;
        EQUAL(error, 0);
        CHECK(more > 0 && tries < 20);
        sent += more;
    }
    for (size_t got = 0; got < (size_t)sent;) {
        ssize_t count = recv(ends[1], big, sizeof big, 0);
        CHECK(count > 0);
        got += (size_t)count;
    }
    FAILS(recv(ends[1], big, sizeof big, MSG_DONTWAIT), EAGAIN);
    for (int i = 0; i < 2; i++) {
        close(ends[i]);
        close(waiting[i]);
    }
}

static void check_stream(void) {
    check_kind(open_unix, SOCK_STREAM);
    check_kind(open_inet, SOCK_STREAM);
    int ends[2];
    char block[8];
    open_inet(SOCK_DGRAM, ends);
    set_limit(ends[0], SO_RCVTIMEO, 0.1);
    struct aiocb control = request(ends[0], block, sizeof block, 0);
    OK(aio_read(&control));
    FINISHES_WITH(&control, EAGAIN);
}
