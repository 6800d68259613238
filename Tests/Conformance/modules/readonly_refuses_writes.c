// holds: readonly fails writes and aio_fsync with EROFS and leaves the file alone; reads work.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=readonly ordered aio_linux aio_poll'
#include "../check.h"

int main(void) {
    enum { size = 4096 };
    int file = scratch_file(0);
    unsigned char *block = aligned_buffer(size);
    write_pattern(file, size, 1, 0);
    struct aiocb control = request(file, block, size, 0);
    OK(aio_read(&control));
    EQUAL(FINISH(&control), size);
    VERIFY(block, size, 1, 0);
    fill(block, size, 2, 0);
    OK(aio_write(&control));
    FINISHES_WITH(&control, EROFS);
    OK(aio_fsync(O_SYNC, &control));
    FINISHES_WITH(&control, EROFS);
    OK(aio_fsync(O_DSYNC, &control));
    FINISHES_WITH(&control, EROFS);
    EQUAL(pread(file, block, size, 0), size);
    VERIFY(block, size, 1, 0);
}
