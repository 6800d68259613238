// holds: A read into memory that cannot be written to ends with EFAULT, as read() does.
// source: aio_read
#include "../check.h"

int main(void) {
    int modes[] = {0, O_DIRECT};
    void *wall = mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(wall != MAP_FAILED);
    for (int mode = 0; mode < 2; mode++) {
        int file = scratch_file(modes[mode]);
        write_pattern(file, 1 << 20, 1, 0);
        size_t sizes[] = {4096, 1 << 20};
        for (int i = 0; i < 2; i++) {
            struct aiocb control = request(file, wall, sizes[i], 0);
            OK(aio_read(&control));
            FINISHES_WITH(&control, EFAULT);
        }
    }
    return 0;
}
