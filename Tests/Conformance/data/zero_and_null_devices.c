// holds: /dev/zero reads as zeroes, /dev/null reads as empty, and both swallow writes.
// source: aio_read, aio_write
#include "../check.h"

int main(void) {
    enum { size = 1 << 20 };
    int zero = open("/dev/zero", O_RDWR | O_CLOEXEC), null = open("/dev/null", O_RDWR | O_CLOEXEC);
    CHECK(zero >= 0 && null >= 0);
    unsigned char *buffer = aligned_buffer(size);
    const size_t sizes[] = {0, 1, 4096, 100000, size};
    for (int i = 0; i < 5; i++) {
        memset(buffer, 0xa5, size);
        struct aiocb control = request(zero, buffer, sizes[i], i * 1000);
        OK(aio_read(&control));
        EQUAL(FINISH(&control), sizes[i]);
        for (size_t at = 0; at < size; at++) EQUAL(buffer[at], at < sizes[i] ? 0 : 0xa5);
        OK(aio_write(&control));
        EQUAL(FINISH(&control), sizes[i]);
        control = request(null, buffer, sizes[i], i * 1000);
        OK(aio_read(&control));
        EQUAL(FINISH(&control), 0);
        OK(aio_write(&control));
        EQUAL(FINISH(&control), sizes[i]);
    }
}
