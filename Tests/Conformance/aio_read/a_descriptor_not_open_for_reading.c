// holds: For a descriptor that is open for writing only, or with O_PATH, aio_read returns 0 and aio_error says EBADF.
// source: aio_read
#include "../check.h"

int main(void) {
    char path[64], byte;
    int file = scratch_file(0), ends[2];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    int descriptors[3] = {open(path, O_WRONLY), open(path, O_PATH)};
    OK(pipe(ends));
    descriptors[2] = ends[1];
    for (int i = 0; i < 3; i++) {
        CHECK(descriptors[i] >= 0);
        struct aiocb control = request(descriptors[i], &byte, 1, 0);
        OK(aio_read(&control));
        FINISHES_WITH(&control, EBADF);
    }
    return 0;
}
