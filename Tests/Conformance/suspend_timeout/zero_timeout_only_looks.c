// holds: A timeout of zero does not wait: EAGAIN while the request is in progress, 0 when it is finished.
// source: aio_suspend
#include "../check.h"

int main(void) {
    int ends[2];
    open_pipe(ends);
    char byte = 0;
    struct aiocb control = request(ends[0], &byte, 1, 0);
    const struct aiocb *list[] = {&control};
    const struct timespec zero = {0, 0};
    OK(aio_read(&control));

    int64_t took, start = nanoseconds();
    for (int i = 0; i < 20; i++) FAILS(timed_suspend(list, 1, &zero, &took), EAGAIN);
    CHECK(nanoseconds() - start < 5000000000);
    EQUAL(aio_error(&control), EINPROGRESS);

    EQUAL(write(ends[1], "x", 1), 1);
    EQUAL(wait_for(&control, 10), 0);
    OK(timed_suspend(list, 1, &zero, &took));
    EQUAL(aio_return(&control), 1);
}
