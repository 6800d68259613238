// holds: An offset below zero: the call returns 0 and aio_error tells EINVAL.
// source: glibc (compatibility)
// limit: 60
#include "../check.h"

static int descriptor;
static char buffer[64] = "unchanged";

static void ask(off_t offset) {
    struct aiocb reading = request(descriptor, buffer, sizeof buffer, offset);
    struct aiocb writing = reading;
    OK(aio_read(&reading));
    OK(aio_write(&writing));
    FINISHES_WITH(&reading, EINVAL);
    FINISHES_WITH(&writing, EINVAL);
}

int main(void) {
    descriptor = scratch_file(0);
    const off_t bad[] = {-1, -4096, LONG_MIN, LONG_MIN + 1};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) ask(bad[i]);
    WITHOUT_LEAK(ask(-1));
    EQUAL(lseek(descriptor, 0, SEEK_END), 0);
    CHECK(strcmp(buffer, "unchanged") == 0);
    check_service();
}
