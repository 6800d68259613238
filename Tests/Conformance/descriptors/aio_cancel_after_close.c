// holds: After close aio_cancel on the number fails with EBADF, though a request made through it is under way.
// source: aio_cancel
#include "../slow.h"

int main(void) {
    int file = scratch_file(0);
    struct slow slow = slow_memory();
    struct aiocb control = request(file, slow.memory, SLOW_SIZE, 0);
    OK(aio_write(&control));
    SLOW_TOUCHED(&slow);
    OK(close(file));
    FAILS(aio_cancel(file, &control), EBADF);
    FAILS(aio_cancel(file, NULL), EBADF);
    slow_release(&slow, NULL);
    EQUAL(FINISH(&control), SLOW_SIZE);
    return 0;
}
