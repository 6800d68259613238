// holds: An aiocb that is reused without aio_return ever being called works for ever, and nothing is used up.
// source: glibc (compatibility)
// limit: 60
#include "../check.h"

#define ROUNDS 200000

int main(void) {
    int file = scratch_file(0);
    write_pattern(file, 65536, 1, 0);
    static struct aiocb control;
    unsigned char buffer[512];
    long before = 0;
    for (int i = 0; i < ROUNDS; i++) {
        control = request(file, buffer, 512, i % 128 * 512);
        OK(aio_read(&control));
        EQUAL(wait_for(&control, 10), 0);
        if (i % 1000 == 0) VERIFY(buffer, 512, 1, (uint64_t)(i % 128) * 512);
        if (i == ROUNDS / 10) before = resident_memory();
    }
    EQUAL(aio_return(&control), 512);
    CHECK(resident_memory() < before + 4096);
    return 0;
}
