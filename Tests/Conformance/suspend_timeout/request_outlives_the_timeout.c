// holds: A timeout leaves the request in progress; the data that comes later is the request's.
// source: aio_suspend
#include "../check.h"

int main(void) {
    int ends[2];
    open_pipe(ends);
    char bytes[] = "......";
    struct aiocb control = request(ends[0], bytes, 6, 0);
    const struct aiocb *list[] = {&control};
    const struct timespec timeout = {0, 30000000};
    int64_t took;
    OK(aio_read(&control));
    for (int i = 0; i < 3; i++) {
        FAILS(timed_suspend(list, 1, &timeout, &took), EAGAIN);
        CHECK(took >= 30000000);
        EQUAL(aio_error(&control), EINPROGRESS);
    }
    CHECK(memcmp(bytes, "......", 6) == 0);
    EQUAL(write(ends[1], "abcdef", 6), 6);
    OK(timed_suspend(list, 1, NULL, &took));
    EQUAL(aio_error(&control), 0);
    EQUAL(aio_return(&control), 6);
    CHECK(memcmp(bytes, "abcdef", 6) == 0);
}
