// holds: More bytes than SSIZE_MAX: the call returns 0 and aio_error tells EINVAL.
// source: aio_read, aio_write
// limit: 60
#include "../check.h"

static int descriptor;
static char buffer[64] = "unchanged";

static void ask(size_t size) {
    struct aiocb reading = request(descriptor, buffer, size, 0);
    struct aiocb writing = reading;
    OK(aio_read(&reading));
    OK(aio_write(&writing));
    FINISHES_WITH(&reading, EINVAL);
    FINISHES_WITH(&writing, EINVAL);
}

int main(void) {
    descriptor = scratch_file(0);
    const size_t bad[] = {(size_t)SSIZE_MAX + 1, SIZE_MAX, SIZE_MAX - 4095};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) ask(bad[i]);
    WITHOUT_LEAK(ask(SIZE_MAX));
    EQUAL(lseek(descriptor, 0, SEEK_END), 0);
    CHECK(strcmp(buffer, "unchanged") == 0);
    check_service();
}
