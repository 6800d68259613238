// holds: With when=after error_inject has the request done and then reports the error; what was cancelled stays cancelled.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=error_inject ordered aio_linux aio_poll' 'KAIO_VFS_PARAMETERS=error_inject:when=after; error_inject:rules=any EIO'
#include "../check.h"

int main(void) {
    enum { size = 4096 };
    int file = scratch_file(0), ends[2];
    unsigned char *block = aligned_buffer(size);
    fill(block, size, 3, 0);
    struct aiocb control = request(file, block, size, 0);
    OK(aio_write(&control));
    FINISHES_WITH(&control, EIO);
    memset(block, 0, size);
    EQUAL(pread(file, block, size, 0), size);
    VERIFY(block, size, 3, 0);
    memset(block, 0, size);
    OK(aio_read(&control));
    FINISHES_WITH(&control, EIO);
    VERIFY(block, size, 3, 0);
    OK(pipe(ends));
    struct aiocb waiting = request(ends[0], block, 1, 0);
    OK(aio_read(&waiting));
    EQUAL(aio_cancel(ends[0], &waiting), AIO_CANCELED);
    FINISHES_WITH(&waiting, ECANCELED);
}
