// holds: aio_fsync returns when the request is queued; it stays in progress while a write queued before it does.
// source: aio_fsync
#include "../slow.h"

int main(void) {
    int file = scratch_file(0);
    struct slow slow = slow_memory();
    struct aiocb writing = request(file, slow.memory, SLOW_SIZE, 0), syncing = request(file, NULL, 0, 0);
    const struct aiocb *list[1] = {&syncing};
    struct timespec while_ = {0, 200 * 1000 * 1000};
    OK(aio_write(&writing));
    SLOW_TOUCHED(&slow);
    OK(aio_fsync(O_SYNC, &syncing));
    EQUAL(aio_error(&syncing), EINPROGRESS);
    FAILS(aio_suspend(list, 1, &while_), EAGAIN);
    slow_release(&slow, NULL);
    EQUAL(FINISH(&syncing), 0);
    EQUAL(aio_error(&writing), 0);
    EQUAL(aio_return(&writing), SLOW_SIZE);
    return 0;
}
