// holds: Null entries of the list are skipped: they neither end the wait nor hide a completion.
// source: aio_suspend
#include "../check.h"

int main(void) {
    int ends[2];
    open_pipe(ends);
    char byte;
    struct aiocb control = request(ends[0], &byte, 1, 0);
    const struct aiocb *list[] = {NULL, NULL, &control, NULL};
    const struct timespec timeout = {0, 50000000};
    int64_t took;
    OK(aio_read(&control));
    FAILS(timed_suspend(list, 4, &timeout, &took), EAGAIN);
    CHECK(took >= 50000000);
    EQUAL(write(ends[1], "x", 1), 1);
    OK(timed_suspend(list, 4, NULL, &took));
    EQUAL(aio_return(&control), 1);
}
