// holds: With O_APPEND aio_write writes at the end of the file, whatever aio_offset says.
// source: aio_write
#include "../check.h"

int main(void) {
    int modes[] = {O_APPEND, O_APPEND | O_DIRECT};
    for (int mode = 0; mode < 2; mode++) {
        int file = scratch_file(modes[mode]);
        unsigned char *data = aligned_buffer(8192);
        off_t offsets[] = {0, 4096, 1 << 20};
        for (int i = 0; i < 3; i++) {
            fill(data, 4096, 1, (uint64_t)i * 4096);
            struct aiocb control = request(file, data, 4096, offsets[i]);
            OK(aio_write(&control));
            EQUAL(FINISH(&control), 4096);
            EQUAL(lseek(file, 0, SEEK_END), (i + 1) * 4096);
        }
        for (int i = 0; i < 3; i++) {
            EQUAL(pread(file, data, 4096, i * 4096), 4096);
            VERIFY(data, 4096, 1, (uint64_t)i * 4096);
        }
    }
    return 0;
}
