// holds: When a write that was queued before aio_fsync fails, aio_fsync's own status is that error.
// source: aio_fsync
#include "../slow.h"

int main(void) {
    int file = scratch_file(0);
    void *wall = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(wall != MAP_FAILED);
    struct slow slow = slow_memory();
    struct aiocb first = request(file, slow.memory, SLOW_SIZE, 0), fails = request(file, wall, 4096, 0);
    struct aiocb syncing = request(file, NULL, 0, 0), later = syncing;
    OK(aio_write(&first));
    SLOW_TOUCHED(&slow);
    OK(aio_write(&fails));
    OK(aio_fsync(O_SYNC, &syncing));
    slow_release(&slow, NULL);
    EQUAL(FINISH(&first), SLOW_SIZE);
    FINISHES_WITH(&fails, EFAULT);
    FINISHES_WITH(&syncing, EFAULT);
    // It was told once: the next has nothing to complain of.
    OK(aio_fsync(O_SYNC, &later));
    EQUAL(FINISH(&later), 0);
    return 0;
}
