// holds: aio_suspend with a count below zero fails with EINVAL.
// source: glibc (compatibility)
#include "../check.h"

int main(void) {
    const struct aiocb *list[1] = {NULL};
    struct timespec none = {0, 0};
    FAILS(aio_suspend(list, -1, &none), EINVAL);
    FAILS(aio_suspend(list, INT_MIN, &none), EINVAL);
    return 0;
}
