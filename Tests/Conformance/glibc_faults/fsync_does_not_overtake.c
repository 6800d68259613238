// holds: aio_fsync does not overtake a write queued before it that has a lower priority.
// source: FACTS glibc 9
#include "../slow.h"

int main(void) {
    int file = scratch_file(0);
    struct slow first = slow_memory(), second = slow_memory();
    struct aiocb writes[2] = {request(file, first.memory, SLOW_SIZE, 0), request(file, second.memory, SLOW_SIZE, 0)};
    struct aiocb syncing = request(file, NULL, 0, 0);
    writes[1].aio_reqprio = 1;
    OK(aio_write(&writes[0]));
    SLOW_TOUCHED(&first);
    OK(aio_write(&writes[1]));
    OK(aio_fsync(O_SYNC, &syncing));
    slow_release(&first, NULL);
    SLOW_TOUCHED(&second);
    EQUAL(aio_error(&writes[1]), EINPROGRESS);
    EQUAL(aio_error(&syncing), EINPROGRESS);
    slow_release(&second, NULL);
    EQUAL(FINISH(&syncing), 0);
    return 0;
}
