// holds: aio_read of a megabyte from the page cache is not done by the calling thread: an aio_suspend of 10 ns gives EAGAIN.
// source: FACTS choice (what takes long)
#include "../slow.h"

int main(void) {
    int file = scratch_file(0);
    write_pattern(file, SLOW_SIZE, 1, 0);
    struct slow slow = slow_memory();
    struct aiocb control = request(file, slow.memory, SLOW_SIZE, 0);
    const struct aiocb *list[1] = {&control};
    struct timespec moment = {0, 10};
    OK(aio_read(&control));
    FAILS(aio_suspend(list, 1, &moment), EAGAIN);
    SLOW_TOUCHED(&slow);
    EQUAL(aio_error(&control), EINPROGRESS);
    slow_release(&slow, NULL);
    EQUAL(FINISH(&control), SLOW_SIZE);
    VERIFY(slow.memory, SLOW_SIZE, 1, 0);
    return 0;
}
