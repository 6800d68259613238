// holds: aio_suspend returns 0 at once if any request of its list is done already, with any timeout.
// source: aio_suspend
#include "../check.h"

int main(void) {
    int ends[2], file = scratch_file(0);
    char byte;
    OK(pipe(ends));
    struct aiocb waiting = request(ends[0], &byte, 1, 0), done = request(file, "x", 1, 0);
    struct timespec none = {0, 0}, hour = {3600, 0}, *timeouts[] = {&none, &hour, NULL};
    OK(aio_read(&waiting));
    OK(aio_write(&done));
    EQUAL(wait_for(&done, 10), 0);
    const struct aiocb *lists[2][2] = {{&waiting, &done}, {&done, &waiting}};
    for (int i = 0; i < 6; i++) OK(aio_suspend(lists[i % 2], 2, timeouts[i / 2]));
    return 0;
}
