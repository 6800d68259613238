// holds: In the child of a fork aio_waitcomplete and aio_waitn see nothing of the parent's requests, and work; the parent loses nothing.
// source: kaio
// modes: linked
// limit: 40
#include "../check.h"
#include "../../../include/kaio.h"

static void has_nothing(void) {
    struct timespec zero = {0, 0};
    struct aiocb *done, *list[4];
    unsigned int wanted = 1;
    FAILS(aio_waitcomplete(&done, &zero), EWOULDBLOCK);
    CHECK(done == NULL);
    FAILS(aio_waitn(list, 4, &wanted, &zero), EAGAIN);
    EQUAL(wanted, 0);
    FAILS(aio_waitcomplete(&done, NULL), EWOULDBLOCK);
    wanted = 2;
    FAILS(aio_waitn(list, 4, &wanted, NULL), EAGAIN);
    EQUAL(wanted, 0);
}

static void child(int descriptor, int round) {
    deadline(10);
    // In some rounds only after its own first request.
    if (round % 2) has_nothing();
    else check_service();
    has_nothing();
    char byte;
    struct aiocb control = request(descriptor, &byte, 1, 0), *done;
    OK(aio_read(&control));
    EQUAL(aio_waitcomplete(&done, NULL), 1);
    CHECK(done == &control);
    has_nothing();
    struct iovec vector = {&byte, 1};
    control = request(descriptor, &vector, 1, 0);
    OK(aio_readv(&control));
    EQUAL(FINISH(&control), 1);
    _exit(0);
}

int main(void) {
    int descriptor = scratch_file(0), ends[2];
    char bytes[3];
    write_pattern(descriptor, 2, 1, 0);
    open_pipe(ends);
    for (int round = 0; round < 20; round++) {
        struct aiocb complete[2] = {request(descriptor, &bytes[0], 1, 0), request(descriptor, &bytes[1], 1, 5)};
        struct aiocb waiting = request(ends[0], &bytes[2], 1, 0), *done;
        for (int i = 0; i < 2; i++) {
            OK(aio_read(&complete[i]));
            EQUAL(wait_for(&complete[i], 10), 0);
        }
        OK(aio_read(&waiting));
        pid_t process = fork();
        if (process == 0) child(descriptor, round);
        EXITS(process);
        for (int i = 0; i < 2; i++) {
            EQUAL(aio_waitcomplete(&done, NULL), 1 - i);
            CHECK(done == &complete[i]);
        }
        EQUAL(write(ends[1], "x", 1), 1);
        EQUAL(aio_waitcomplete(&done, NULL), 1);
        CHECK(done == &waiting);
    }
    return 0;
}
