// holds: Requests on a file leave the descriptor's own offset where it is.
// source: aio_read, aio_write
#include "../check.h"

int main(void) {
    enum { size = 1 << 18 };
    unsigned char *buffer = aligned_buffer(size);
    for (int kind = 0; kind < 3; kind++) {
        int descriptor = scratch_file(kind == 1 ? O_DIRECT : kind == 2 ? O_APPEND : 0);
        write_pattern(descriptor, size, 1, 0);
        EQUAL(lseek(descriptor, 12345, SEEK_SET), 12345);
        struct aiocb control = request(descriptor, buffer, size, 0);
        OK(aio_read(&control));
        EQUAL(FINISH(&control), size);
        EQUAL(lseek(descriptor, 0, SEEK_CUR), 12345);
        control = request(descriptor, buffer, 4096, 8192);
        OK(aio_write(&control));
        EQUAL(FINISH(&control), 4096);
        if (kind < 2) EQUAL(lseek(descriptor, 0, SEEK_CUR), 12345);
        OK(aio_fsync(O_SYNC, &control));
        EQUAL(FINISH(&control), 0);
        control = request(descriptor, buffer, 4096, size + 4096);
        OK(aio_read(&control));
        FINISH(&control);
        if (kind < 2) EQUAL(lseek(descriptor, 0, SEEK_CUR), 12345);
        close(descriptor);
    }
}
