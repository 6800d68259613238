// holds: For an offset below zero aio_read returns 0, aio_error says EINVAL and aio_return -1.
// source: FACTS choice (negative offset)
#include "../check.h"

int main(void) {
    int modes[] = {0, O_DIRECT};
    for (int mode = 0; mode < 2; mode++) {
        int file = scratch_file(modes[mode]);
        write_pattern(file, 4096, 1, 0);
        void *buffer = aligned_buffer(4096);
        off_t wrong[] = {-1, -4096, INT64_MIN};
        for (int i = 0; i < 3; i++) {
            struct aiocb control = request(file, buffer, 4096, wrong[i]);
            OK(aio_read(&control));
            FINISHES_WITH(&control, EINVAL);
        }
    }
    return 0;
}
