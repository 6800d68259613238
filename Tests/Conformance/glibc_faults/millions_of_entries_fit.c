// holds: aio_suspend over 2,000,000 entries works: its stack does not grow with the list.
// source: FACTS glibc 7
#include "../check.h"

#define COUNT 2000000

int main(void) {
    int ends[2];
    char byte;
    const struct aiocb **list = calloc(COUNT, sizeof *list);
    CHECK(list);
    OK(pipe(ends));
    struct aiocb control = request(ends[0], &byte, 1, 0);
    struct timespec short_ = {0, 1000000};
    list[COUNT - 1] = &control;
    OK(aio_read(&control));
    FAILS(aio_suspend(list, COUNT, &short_), EAGAIN);
    EQUAL(write(ends[1], "x", 1), 1);
    OK(aio_suspend(list, COUNT, NULL));
    EQUAL(aio_return(&control), 1);
    return 0;
}
