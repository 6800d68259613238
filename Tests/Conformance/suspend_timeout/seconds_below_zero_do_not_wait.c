// holds: A timeout whose tv_sec is below zero does not wait: EAGAIN or EINVAL.
// source: kaio (the standard is silent)
#include "../check.h"

int main(void) {
    const time_t bad[] = {-1, -1000000, LONG_MIN};
    int ends[2];
    open_pipe(ends);
    char byte;
    struct aiocb control = request(ends[0], &byte, 1, 0);
    const struct aiocb *list[] = {&control};
    OK(aio_read(&control));
    for (int i = 0; i < 3; i++) {
        struct timespec timeout = {bad[i], 5};
        int64_t took;
        EQUAL(timed_suspend(list, 1, &timeout, &took), -1);
        CHECK(errno == EAGAIN || errno == EINVAL);
        CHECK(took < 5000000000);
        EQUAL(aio_error(&control), EINPROGRESS);
    }
}
