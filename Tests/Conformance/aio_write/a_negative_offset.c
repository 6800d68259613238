// holds: For an offset below zero aio_write returns 0, aio_error says EINVAL and aio_return -1.
// source: FACTS choice (negative offset)
#include "../check.h"

int main(void) {
    int modes[] = {0, O_DIRECT};
    for (int mode = 0; mode < 2; mode++) {
        int file = scratch_file(modes[mode]);
        void *data = aligned_buffer(4096);
        off_t wrong[] = {-1, -4096, INT64_MIN};
        for (int i = 0; i < 3; i++) {
            struct aiocb control = request(file, data, 4096, wrong[i]);
            OK(aio_write(&control));
            FINISHES_WITH(&control, EINVAL);
        }
        EQUAL(lseek(file, 0, SEEK_END), 0);
    }
    return 0;
}
