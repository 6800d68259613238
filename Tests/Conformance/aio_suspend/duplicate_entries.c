// holds: The same aiocb may stand in the list more than once.
// source: kaio (extension)
#include "../check.h"

int main(void) {
    int ends[2];
    char byte;
    OK(pipe(ends));
    struct aiocb control = request(ends[0], &byte, 1, 0);
    const struct aiocb *list[64];
    struct timespec short_ = {0, 10000000};
    for (int i = 0; i < 64; i++) list[i] = &control;
    for (int round = 0; round < 100; round++) {
        OK(aio_read(&control));
        if (round == 0) FAILS(aio_suspend(list, 64, &short_), EAGAIN);
        EQUAL(write(ends[1], "x", 1), 1);
        OK(aio_suspend(list, 64, NULL));
        EQUAL(aio_return(&control), 1);
    }
    return 0;
}
