// holds: aio_suspend with 2,000,000,000 nanoseconds fails with EINVAL and does not abort the process.
// source: FACTS glibc 6
#include "../check.h"

int main(void) {
    int ends[2];
    char byte;
    OK(pipe(ends));
    struct aiocb control = request(ends[0], &byte, 1, 0);
    const struct aiocb *list[1] = {&control};
    struct timespec wild = {0, 2000000000};
    OK(aio_read(&control));
    FAILS(aio_suspend(list, 1, &wild), EINVAL);
    return 0;
}
