// holds: An aiocb that is in flight already: EBUSY from the call, and the request in flight is not disturbed.
// source: kaio (the standard leaves it open)
#include "../check.h"

static struct aiocb control;

static void ask(void) {
    FAILS(aio_read(&control), EBUSY);
    FAILS(aio_write(&control), EBUSY);
    FAILS(aio_fsync(O_SYNC, &control), EBUSY);
    EQUAL(aio_error(&control), EINPROGRESS);
}

int main(void) {
    int ends[2];
    open_pipe(ends);
    char bytes[] = "....";
    control = request(ends[0], bytes, 4, 0);
    OK(aio_read(&control));
    WITHOUT_LEAK(ask());

    EQUAL(write(ends[1], "data", 4), 4);
    EQUAL(FINISH(&control), 4);
    CHECK(memcmp(bytes, "data", 4) == 0);
    // Finished, the block is free again.
    OK(aio_read(&control));
    EQUAL(write(ends[1], "more", 4), 4);
    EQUAL(FINISH(&control), 4);
    CHECK(memcmp(bytes, "more", 4) == 0);
    check_service();
}
