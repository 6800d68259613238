// holds: When aio_fsync (O_SYNC, O_DSYNC) is finished, every write submitted before it on the file is, with its bytes.
// source: aio_fsync
#include "../check.h"

enum { count = 48, size = 32768 };

static void check_with(int flags, int operation) {
    int descriptor = scratch_file(flags);
    unsigned char *blocks = aligned_buffer(count * size), *check = aligned_buffer(count * size);
    for (int round = 0; round < 6; round++) {
        struct aiocb writes[count], sync;
        fill(blocks, count * size, (uint64_t)round, 0);
        for (int i = 0; i < count; i++) {
            writes[i] = request(descriptor, blocks + i * size, size, i * size);
            OK(aio_write(&writes[i]));
        }
        memset(&sync, 0xee, sizeof sync);  // it looks at these two only
        sync.aio_fildes = descriptor;
        memset(&sync.aio_sigevent, 0, sizeof sync.aio_sigevent);
        sync.aio_sigevent.sigev_notify = SIGEV_NONE;
        OK(aio_fsync(operation, &sync));
        EQUAL(FINISH(&sync), 0);
        for (int i = 0; i < count; i++) EQUAL(aio_error(&writes[i]), 0);
        EQUAL(pread(descriptor, check, count * size, 0), count * size);
        VERIFY(check, count * size, (uint64_t)round, 0);
        for (int i = 0; i < count; i++) EQUAL(aio_return(&writes[i]), size);
    }
    free(blocks);
    free(check);
    close(descriptor);
}

int main(void) {
    check_with(0, O_SYNC);
    check_with(0, O_DSYNC);
    check_with(O_DIRECT, O_SYNC);
    check_with(O_DIRECT, O_DSYNC);
}
