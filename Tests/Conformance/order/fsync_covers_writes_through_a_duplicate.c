// holds: aio_fsync covers writes queued before it through a duplicate of its descriptor.
// source: aio_fsync
#include "../slow.h"

int main(void) {
    int file = scratch_file(0), duplicate = dup(file);
    struct slow slow = slow_memory();
    struct aiocb writing = request(file, slow.memory, SLOW_SIZE, 0), syncing = request(duplicate, NULL, 0, 0);
    const struct aiocb *list[1] = {&syncing};
    struct timespec short_ = {0, 200000000};
    OK(aio_write(&writing));
    SLOW_TOUCHED(&slow);
    OK(aio_fsync(O_DSYNC, &syncing));
    FAILS(aio_suspend(list, 1, &short_), EAGAIN);
    EQUAL(aio_error(&writing), EINPROGRESS);
    slow_release(&slow, NULL);
    EQUAL(FINISH(&syncing), 0);
    EQUAL(aio_error(&writing), 0);
    return 0;
}
