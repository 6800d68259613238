// holds: A read that waits on a pipe can be cancelled.
// source: FACTS glibc 14
#include "../check.h"

int main(void) {
    int ends[2];
    char byte;
    OK(pipe(ends));
    struct aiocb control = request(ends[0], &byte, 1, 0);
    OK(aio_read(&control));
    sleep_for(0.05);
    EQUAL(aio_cancel(ends[0], &control), AIO_CANCELED);
    FINISHES_WITH(&control, ECANCELED);
    return 0;
}
