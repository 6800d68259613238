// holds: A transfer that is under way is not cancelled: AIO_NOTCANCELED, and it completes normally, data and all.
// source: aio_cancel
#include "../slow.h"

int main(void) {
    int file = scratch_file(0);
    write_pattern(file, SLOW_SIZE, 1, 0);
    struct slow slow = slow_memory();
    struct aiocb control = request(file, slow.memory, SLOW_SIZE, 0);
    OK(aio_read(&control));
    SLOW_TOUCHED(&slow);
    for (int i = 0; i < 100; i++) {
        EQUAL(aio_cancel(file, i % 2 ? &control : NULL), AIO_NOTCANCELED);
        EQUAL(aio_error(&control), EINPROGRESS);
    }
    slow_release(&slow, NULL);
    EQUAL(FINISH(&control), SLOW_SIZE);
    VERIFY(slow.memory, SLOW_SIZE, 1, 0);
    return 0;
}
