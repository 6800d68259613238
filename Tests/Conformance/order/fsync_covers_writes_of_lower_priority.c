// holds: aio_fsync covers every write queued before it, whatever the priorities.
// source: aio_fsync
#include "../slow.h"

int main(void) {
    int file = scratch_file(0);
    struct slow first = slow_memory(), second = slow_memory();
    struct aiocb writes[2] = {request(file, first.memory, SLOW_SIZE, 0),
                              request(file, second.memory, SLOW_SIZE, SLOW_SIZE)};
    struct aiocb syncing = request(file, NULL, 0, 0);
    const struct aiocb *list[1] = {&syncing};
    struct timespec short_ = {0, 200000000};
    writes[1].aio_reqprio = (int)sysconf(_SC_AIO_PRIO_DELTA_MAX);
    OK(aio_write(&writes[0]));
    SLOW_TOUCHED(&first);
    OK(aio_write(&writes[1]));
    OK(aio_fsync(O_SYNC, &syncing));
    slow_release(&first, NULL);
    EQUAL(FINISH(&writes[0]), SLOW_SIZE);
    FAILS(aio_suspend(list, 1, &short_), EAGAIN);
    SLOW_TOUCHED(&second);
    EQUAL(aio_error(&writes[1]), EINPROGRESS);
    EQUAL(aio_error(&syncing), EINPROGRESS);
    slow_release(&second, NULL);
    EQUAL(FINISH(&syncing), 0);
    EQUAL(aio_error(&writes[1]), 0);
    EQUAL(aio_return(&writes[1]), SLOW_SIZE);
    return 0;
}
