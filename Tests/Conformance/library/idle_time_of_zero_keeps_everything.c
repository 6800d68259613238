// holds: KAIO_IDLE_SECONDS=0 gives nothing back.
// source: kaio
// environment: KAIO_IDLE_SECONDS=0
#include "../check.h"

int main(void) {
    enum { size = 4096 };
    int direct = scratch_file(O_DIRECT);
    write_pattern(direct, size, 1, 0);
    unsigned char *block = aligned_buffer(size);
    struct aiocb control = request(direct, block, size, 0);
    OK(aio_read(&control));
    EQUAL(FINISH(&control), size);
    int descriptors = count_descriptors();
    EQUAL(count_contexts(), 1);
    for (int i = 0; i < 35; i++) {
        sleep_for(0.1);
        EQUAL(count_contexts(), 1);
        EQUAL(count_descriptors(), descriptors);
    }
    check_service();
}
