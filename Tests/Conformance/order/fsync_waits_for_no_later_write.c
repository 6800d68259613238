// holds: aio_fsync does not wait for writes queued after it.
// source: aio_fsync
#include "../slow.h"

int main(void) {
    int file = scratch_file(0);
    struct slow first = slow_memory(), later = slow_memory();
    struct aiocb writes[2] = {request(file, first.memory, SLOW_SIZE, 0),
                              request(file, later.memory, SLOW_SIZE, SLOW_SIZE)};
    struct aiocb syncing = request(file, NULL, 0, 0);
    OK(aio_write(&writes[0]));
    SLOW_TOUCHED(&first);
    OK(aio_fsync(O_SYNC, &syncing));
    OK(aio_write(&writes[1]));
    slow_release(&first, NULL);
    EQUAL(FINISH(&writes[0]), SLOW_SIZE);
    EQUAL(FINISH(&syncing), 0);
    EQUAL(aio_error(&writes[1]), EINPROGRESS);
    SLOW_TOUCHED(&later);
    slow_release(&later, NULL);
    EQUAL(FINISH(&writes[1]), SLOW_SIZE);
    return 0;
}
