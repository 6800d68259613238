// holds: When nothing gets done aio_suspend fails with EAGAIN when the interval has passed, and not before.
// source: aio_suspend
#include "../check.h"

int main(void) {
    int ends[2];
    char byte;
    OK(pipe(ends));
    struct aiocb control = request(ends[0], &byte, 1, 0);
    const struct aiocb *list[1] = {&control};
    long nanoseconds[] = {1, 999, 50000, 1000000, 10000000, 150000000};
    OK(aio_read(&control));
    for (int round = 0; round < 5; round++)
        for (int i = 0; i < 6; i++) {
            struct timespec timeout = {0, nanoseconds[i]};
            double start = now();
            FAILS(aio_suspend(list, 1, &timeout), EAGAIN);
            CHECK(now() - start >= (double)nanoseconds[i] / 1e9);
        }
    return 0;
}
