// holds: A short timeout ends the wait with EAGAIN, and never before it is up.
// source: aio_suspend
#include "../check.h"

int main(void) {
    const int64_t timeouts[] = {1, 999, 1000, 50000, 1000000, 3333333, 20000000};  // ns
    int ends[2];
    open_pipe(ends);
    char byte;
    struct aiocb control = request(ends[0], &byte, 1, 0);
    const struct aiocb *list[] = {&control};
    OK(aio_read(&control));
    for (size_t i = 0; i < sizeof timeouts / sizeof *timeouts; i++) {
        struct timespec timeout = interval(timeouts[i]);
        int64_t shortest = INT64_MAX, longest = 0;
        for (int round = 0; round < 40; round++) {
            int64_t start = nanoseconds();
            FAILS(aio_suspend(list, 1, &timeout), EAGAIN);
            int64_t took = nanoseconds() - start;
            CHECK(took >= timeouts[i]);
            if (took < shortest) shortest = took;
            if (took > longest) longest = took;
        }
        printf("timeout %.9f s: took %.9f to %.9f s\n", (double)timeouts[i] / 1e9, (double)shortest / 1e9,
               (double)longest / 1e9);
    }
    EQUAL(aio_error(&control), EINPROGRESS);
}
