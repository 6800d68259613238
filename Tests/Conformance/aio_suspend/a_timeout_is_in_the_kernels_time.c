// holds: A timeout ends in real time where the program has a clock_gettime of its own whose time stands still, or is slow (libfaketime).
// source: aio_suspend
#include "../check.h"

enum { timeout = 300 * 1000 * 1000 };
static int slower; // so many times; 0: it stands still

static int64_t kernel_time(clockid_t clock) {
    struct timespec time;
    syscall(SYS_clock_gettime, clock, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    static int64_t first;
    int64_t nanoseconds = kernel_time(clock);
    if (!first) first = nanoseconds;
    *time = interval(first + (slower ? (nanoseconds - first) / slower : 0));
    return 0;
}

int main(void) {
    int ends[2];
    char byte;
    deadline(10);
    open_pipe(ends);
    struct aiocb control = request(ends[0], &byte, 1, 0);
    const struct aiocb *list[1] = {&control};
    OK(aio_read(&control));
    for (slower = 0; slower <= 1000; slower += 1000) {
        struct timespec limit = interval(timeout);
        int64_t start = kernel_time(CLOCK_MONOTONIC);
        FAILS(aio_suspend(list, 1, &limit), EAGAIN);
        CHECK(kernel_time(CLOCK_MONOTONIC) - start >= timeout);
    }
    EQUAL(aio_error(&control), EINPROGRESS);
    return 0;
}
