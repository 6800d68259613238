// holds: Null entries of the list are ignored, wherever they stand.
// source: aio_suspend
#include "../check.h"

int main(void) {
    int ends[2];
    char byte;
    OK(pipe(ends));
    struct aiocb control = request(ends[0], &byte, 1, 0);
    struct timespec short_ = {0, 10000000};
    OK(aio_read(&control));
    for (int i = 0; i < 5; i++) {
        const struct aiocb *list[5] = {0};
        list[i] = &control;
        FAILS(aio_suspend(list, 5, &short_), EAGAIN);
    }
    EQUAL(write(ends[1], "x", 1), 1);
    for (int i = 0; i < 5; i++) {
        const struct aiocb *list[5] = {0};
        list[i] = &control;
        OK(aio_suspend(list, 5, NULL));
    }
    EQUAL(aio_return(&control), 1);
    return 0;
}
