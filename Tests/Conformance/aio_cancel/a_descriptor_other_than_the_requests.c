// holds: aio_cancel with a descriptor other than the aiocb's fails with EINVAL, and the request goes on.
// source: FACTS choice (aio_cancel)
#include "../check.h"

int main(void) {
    int ends[2];
    char byte;
    OK(pipe(ends));
    int duplicate = dup(ends[0]);
    struct aiocb control = request(ends[0], &byte, 1, 0);
    OK(aio_read(&control));
    FAILS(aio_cancel(ends[1], &control), EINVAL);
    FAILS(aio_cancel(duplicate, &control), EINVAL);
    EQUAL(aio_error(&control), EINPROGRESS);
    EQUAL(write(ends[1], "x", 1), 1);
    EQUAL(FINISH(&control), 1);
    return 0;
}
