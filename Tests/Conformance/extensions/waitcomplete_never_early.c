// holds: When the time is up aio_waitcomplete fails with EWOULDBLOCK, not before, and stores NULL; a zero timeout polls.
// source: kaio
// modes: linked
#include "../check.h"
#include "../../../include/kaio.h"

int main(void) {
    int ends[2];
    char byte;
    open_pipe(ends);
    struct aiocb control = request(ends[0], &byte, 1, 0), *done;
    OK(aio_read(&control));
    int64_t times[] = {0, 1, 999, 50000, 1000000, 10000000, 150000000};
    for (int round = 0; round < 5; round++)
        for (int i = 0; i < 7; i++) {
            struct timespec timeout = interval(times[i]);
            done = &control;
            int64_t start = nanoseconds();
            FAILS(aio_waitcomplete(&done, &timeout), EWOULDBLOCK);
            CHECK(nanoseconds() - start >= times[i]);
            CHECK(done == NULL);
            EQUAL(aio_error(&control), EINPROGRESS);
        }
    EQUAL(write(ends[1], "x", 1), 1);
    // A poll finds it when it is complete.
    struct timespec zero = {0, 0};
    ssize_t result = -1;
    for (double end = now() + 10; result < 0 && now() < end;) result = aio_waitcomplete(&done, &zero);
    EQUAL(result, 1);
    CHECK(done == &control);
    return 0;
}
