// holds: aio_suspend with a timeout that is no interval fails with EINVAL, and the process goes on.
// source: FACTS glibc 6
#include "../check.h"

int main(void) {
    int ends[2];
    char byte;
    OK(pipe(ends));
    struct aiocb control = request(ends[0], &byte, 1, 0);
    const struct aiocb *list[1] = {&control};
    struct timespec wild = {0, -1};
    OK(aio_read(&control));
    FAILS(aio_suspend(list, 1, &wild), EINVAL);
    return 0;
}
