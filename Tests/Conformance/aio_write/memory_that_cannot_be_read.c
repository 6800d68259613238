// holds: A write from memory that cannot be read ends with EFAULT, as write() does.
// source: aio_write
#include "../check.h"

int main(void) {
    int modes[] = {0, O_DIRECT};
    void *wall = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(wall != MAP_FAILED);
    for (int mode = 0; mode < 2; mode++) {
        int file = scratch_file(modes[mode]);
        struct aiocb control = request(file, wall, 4096, 0);
        OK(aio_write(&control));
        FINISHES_WITH(&control, EFAULT);
    }
    return 0;
}
