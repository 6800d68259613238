// holds: aio_write writes aio_nbytes bytes from aio_buf at aio_offset from the start of the file, and no byte more.
// source: aio_write
#include "../check.h"

int main(void) {
    int file = scratch_file(0);
    write_pattern(file, 100000, 1, 0);
    unsigned char *data = aligned_buffer(100000);
    fill(data, 4096, 2, 0);
    struct aiocb control = request(file, data, 4096, 12345);
    OK(aio_write(&control));
    EQUAL(FINISH(&control), 4096);
    EQUAL(pread(file, data, 100000, 0), 100000);
    VERIFY(data, 12345, 1, 0);
    VERIFY(data + 12345, 4096, 2, 0);
    VERIFY(data + 12345 + 4096, 100000 - 12345 - 4096, 1, 12345 + 4096);
    return 0;
}
