// holds: A write that is queued when its descriptor is closed, and the number used again, does not land in the other file.
// source: FACTS glibc 3
#include "../slow.h"

int main(void) {
    int file = scratch_file(0), other = scratch_file(0);
    struct slow slow = slow_memory();
    struct aiocb first = request(file, slow.memory, SLOW_SIZE, 0), queued = request(file, "stray", 5, 0);
    OK(aio_write(&first));
    SLOW_TOUCHED(&slow);
    OK(aio_write(&queued));
    OK(close(file));
    EQUAL(dup(other), file);
    slow_release(&slow, NULL);
    EQUAL(FINISH(&first), SLOW_SIZE);
    CHECK(wait_for(&queued, 10) != EINPROGRESS);
    EQUAL(lseek(other, 0, SEEK_END), 0);
    return 0;
}
