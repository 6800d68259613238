// holds: aio_suspend with tv_nsec below zero: EINVAL, as often as one likes.
// source: FACTS glibc 6
#include "../check.h"

static const struct aiocb *list[1];

static void ask(long bad) {
    struct timespec timeout = {0, bad};
    FAILS(aio_suspend(list, 1, &timeout), EINVAL);
}

int main(void) {
    int ends[2];
    open_pipe(ends);
    char byte;
    struct aiocb control = request(ends[0], &byte, 1, 0);
    list[0] = &control;
    OK(aio_read(&control));
    WITHOUT_LEAK({ ask(-1); });
    EQUAL(aio_error(&control), EINPROGRESS);
    EQUAL(write(ends[1], "x", 1), 1);
    EQUAL(FINISH(&control), 1);
    check_service();
}
