// holds: A timeout whose tv_nsec is below zero is EINVAL; nothing else happens.
// source: FACTS glibc 6
#include "../check.h"

int main(void) {
    int ends[2];
    open_pipe(ends);
    char byte = 0;
    struct aiocb control = request(ends[0], &byte, 1, 0);
    const struct aiocb *list[] = {&control};
    OK(aio_read(&control));
    for (int seconds = 0; seconds < 2; seconds++) {
        struct timespec timeout = {seconds, -1};
        int64_t took;
        FAILS(timed_suspend(list, 1, &timeout, &took), EINVAL);
        EQUAL(aio_error(&control), EINPROGRESS);
    }
    const struct timespec timeout = {0, 999999999};
    int64_t took;
    FAILS(timed_suspend(list, 1, &timeout, &took), EAGAIN);
    CHECK(took >= 999999999);
    EQUAL(write(ends[1], "x", 1), 1);
    EQUAL(FINISH(&control), 1);
}
