// holds: At and behind the end of the file aio_return gives 0; a read that reaches over it gives what there is.
// source: aio_read
#include "../check.h"

int main(void) {
    int modes[] = {0, O_DIRECT};
    for (int mode = 0; mode < 2; mode++) {
        int file = scratch_file(modes[mode]);
        write_pattern(file, 8192, 1, 0);
        OK(ftruncate(file, 8000));
        unsigned char *buffer = aligned_buffer(65536);
        off_t offsets[] = {8192, 1 << 20, 4096, 0};
        int expected[] = {0, 0, 8000 - 4096, 8000};
        for (int i = 0; i < 4; i++) {
            struct aiocb control = request(file, buffer, 65536, offsets[i]);
            OK(aio_read(&control));
            EQUAL(FINISH(&control), expected[i]);
            VERIFY(buffer, (size_t)expected[i], 1, (uint64_t)offsets[i]);
        }
    }
    return 0;
}
