// holds: A descriptor that is not open: aio_fsync and aio_cancel fail with EBADF themselves.
// source: aio_fsync, aio_cancel
#include "../check.h"

static void ask(int descriptor) {
    struct aiocb control = request(descriptor, NULL, 0, 0);
    FAILS(aio_fsync(O_SYNC, &control), EBADF);
    FAILS(aio_fsync(O_DSYNC, &control), EBADF);
    FAILS(aio_cancel(descriptor, NULL), EBADF);
    FAILS(aio_cancel(descriptor, &control), EBADF);
}

int main(void) {
    const int wild[] = {-1, 1 << 20, INT_MAX, INT_MIN};
    for (size_t i = 0; i < sizeof wild / sizeof *wild; i++) ask(wild[i]);
    WITHOUT_LEAK(ask(-1));
    check_service();
}
