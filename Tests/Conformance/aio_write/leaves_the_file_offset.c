// holds: aio_write does not move the file offset of the descriptor.
// source: glibc (compatibility)
#include "../check.h"

int main(void) {
    int modes[] = {0, O_DIRECT};
    for (int mode = 0; mode < 2; mode++) {
        int file = scratch_file(modes[mode]);
        EQUAL(lseek(file, 1000, SEEK_SET), 1000);
        size_t sizes[] = {4096, 1 << 20};
        for (int i = 0; i < 2; i++) {
            void *data = aligned_buffer(sizes[i]);
            struct aiocb control = request(file, data, sizes[i], 4096);
            OK(aio_write(&control));
            EQUAL(FINISH(&control), sizes[i]);
            EQUAL(lseek(file, 0, SEEK_CUR), 1000);
            free(data);
        }
    }
    return 0;
}
