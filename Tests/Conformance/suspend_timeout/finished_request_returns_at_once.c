// holds: A request that is finished before the call makes aio_suspend return 0 at once, whatever the timeout is.
// source: aio_suspend
#include "../check.h"

int main(void) {
    const int64_t timeouts[] = {0, 1, 1000, 50000000, 100000000000};  // ns
    int descriptor = scratch_file(0);
    write_pattern(descriptor, 4096, 1, 0);
    for (size_t i = 0; i <= sizeof timeouts / sizeof *timeouts; i++) {
        char buffer[4096];
        struct aiocb control = request(descriptor, buffer, sizeof buffer, 0);
        const struct aiocb *list[] = {&control};
        OK(aio_read(&control));
        EQUAL(wait_for(&control, 10), 0);

        int64_t took;
        if (i == sizeof timeouts / sizeof *timeouts) {
            OK(timed_suspend(list, 1, NULL, &took));
        } else {
            struct timespec timeout = interval(timeouts[i]);
            OK(timed_suspend(list, 1, &timeout, &took));
        }
        CHECK(took < 5000000000);
        EQUAL(aio_return(&control), sizeof buffer);
        VERIFY(buffer, sizeof buffer, 1, 0);
    }
}
