// holds: aio_read reads aio_nbytes bytes at aio_offset from the start of the file into aio_buf, and no byte more.
// source: aio_read
#include "../check.h"

int main(void) {
    int file = scratch_file(0);
    write_pattern(file, 100000, 1, 0);
    unsigned char buffer[4098];
    memset(buffer, 0xee, sizeof buffer);
    struct aiocb control = request(file, buffer + 1, 4096, 12345);
    OK(aio_read(&control));
    EQUAL(FINISH(&control), 4096);
    VERIFY(buffer + 1, 4096, 1, 12345);
    EQUAL(buffer[0], 0xee);
    EQUAL(buffer[4097], 0xee);
    return 0;
}
