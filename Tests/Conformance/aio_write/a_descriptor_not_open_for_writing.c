// holds: For a descriptor that is open for reading only, or with O_PATH, aio_write returns 0 and aio_error says EBADF.
// source: aio_write
#include "../check.h"

int main(void) {
    char path[64];
    int file = scratch_file(0), ends[2];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    int descriptors[3] = {open(path, O_RDONLY), open(path, O_PATH)};
    OK(pipe(ends));
    descriptors[2] = ends[0];
    for (int i = 0; i < 3; i++) {
        CHECK(descriptors[i] >= 0);
        struct aiocb control = request(descriptors[i], "x", 1, 0);
        OK(aio_write(&control));
        FINISHES_WITH(&control, EBADF);
    }
    EQUAL(lseek(file, 0, SEEK_END), 0);
    return 0;
}
