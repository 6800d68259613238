// holds: With a timeout of zero aio_suspend looks, and fails with EAGAIN if no request of its list is done.
// source: aio_suspend
#include "../check.h"

int main(void) {
    int ends[2];
    char byte;
    OK(pipe(ends));
    struct aiocb control = request(ends[0], &byte, 1, 0);
    const struct aiocb *list[1] = {&control};
    struct timespec none = {0, 0};
    OK(aio_read(&control));
    for (int i = 0; i < 1000; i++) FAILS(aio_suspend(list, 1, &none), EAGAIN);
    EQUAL(write(ends[1], "x", 1), 1);
    double end = now() + 10;
    while (aio_suspend(list, 1, &none) != 0) {
        EQUAL(errno, EAGAIN);
        CHECK(now() < end);
    }
    EQUAL(aio_error(&control), 0);
    return 0;
}
