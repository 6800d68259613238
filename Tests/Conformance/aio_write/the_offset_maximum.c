// holds: A write that would go beyond the greatest file offset, or starts at the file system's, ends with EFBIG.
// source: aio_write
#include "../check.h"

int main(void) {
    int file = scratch_file(0);
    char data[512] = {0};
    off_t offsets[] = {INT64_MAX - 100, INT64_MAX - 4096};
    for (int i = 0; i < 2; i++) {
        struct aiocb control = request(file, data, sizeof data, offsets[i]);
        OK(aio_write(&control));
        FINISHES_WITH(&control, EFBIG);
    }
    EQUAL(lseek(file, 0, SEEK_END), 0);
    return 0;
}
