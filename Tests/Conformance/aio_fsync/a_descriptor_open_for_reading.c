// holds: aio_fsync works on a descriptor that is open for reading only.
// source: aio_fsync
#include "../check.h"

int main(void) {
    char path[64];
    int file = scratch_file(0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    struct aiocb control = request(open(path, O_RDONLY), NULL, 0, 0);
    CHECK(control.aio_fildes >= 0);
    OK(aio_fsync(O_SYNC, &control));
    EQUAL(FINISH(&control), 0);
    return 0;
}
