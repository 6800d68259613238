// holds: A timeout of more than a second ends the wait with EAGAIN, and never before it is up.
// source: aio_suspend
#include "../check.h"

int main(void) {
    int ends[2];
    open_pipe(ends);
    char byte;
    struct aiocb control = request(ends[0], &byte, 1, 0);
    const struct aiocb *list[] = {&control};
    OK(aio_read(&control));
    const struct timespec timeouts[] = {{1, 0}, {1, 999999999}, {3, 250000000}};
    for (int i = 0; i < 3; i++) {
        int64_t took;
        FAILS(timed_suspend(list, 1, &timeouts[i], &took), EAGAIN);
        CHECK(took >= timeouts[i].tv_sec * 1000000000 + timeouts[i].tv_nsec);
    }
}
