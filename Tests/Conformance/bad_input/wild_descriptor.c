// holds: A descriptor that is not open: aio_read and aio_write return 0 and aio_error tells EBADF.
// source: glibc (compatibility)
// limit: 60
#include "../check.h"

static char buffer[512];

static void ask(int descriptor, int collect) {
    struct aiocb reading = request(descriptor, buffer, sizeof buffer, 0);
    struct aiocb writing = reading;
    OK(aio_read(&reading));
    OK(aio_write(&writing));
    EQUAL(wait_for(&reading, 10), EBADF);
    EQUAL(wait_for(&writing, 10), EBADF);
    if (!collect) return;  // nor may a block be lost where aio_return is never called
    EQUAL(aio_return(&reading), -1);
    EQUAL(aio_return(&writing), -1);
}

int main(void) {
    // A number that was open, and so high that nothing else is given it.
    int low = scratch_file(0), closed = fcntl(low, F_DUPFD_CLOEXEC, 700);
    close(low);
    close(closed);
    const int wild[] = {-1, closed, 1 << 20, INT_MAX, INT_MIN, -100};
    for (size_t i = 0; i < sizeof wild / sizeof *wild; i++) {
        ask(wild[i], 1);
        FAILS(aio_cancel(wild[i], NULL), EBADF);
    }
    WITHOUT_LEAK(ask(-1, 1));
    WITHOUT_LEAK(ask(INT_MAX, 0));
    check_service();
}
