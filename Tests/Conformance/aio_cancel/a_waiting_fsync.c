// holds: An aio_fsync that waits for an earlier write is cancelled; the write goes on.
// source: aio_cancel
#include "../slow.h"

int main(void) {
    int file = scratch_file(0);
    struct slow slow = slow_memory();
    struct aiocb writing = request(file, slow.memory, SLOW_SIZE, 0), syncing = request(file, NULL, 0, 0);
    OK(aio_write(&writing));
    SLOW_TOUCHED(&slow);
    OK(aio_fsync(O_SYNC, &syncing));
    EQUAL(aio_cancel(file, &syncing), AIO_CANCELED);
    EQUAL(aio_error(&syncing), ECANCELED);
    EQUAL(aio_return(&syncing), -1);
    EQUAL(aio_error(&writing), EINPROGRESS);
    slow_release(&slow, NULL);
    EQUAL(FINISH(&writing), SLOW_SIZE);
    return 0;
}
