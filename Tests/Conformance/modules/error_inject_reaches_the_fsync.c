// holds: Below ordered, an injected error of a write becomes the status of the aio_fsync that covers it.
// source: aio_fsync
// environment: 'KAIO_VFS_OBJECTS=ordered delay_inject error_inject aio_linux aio_poll' 'KAIO_VFS_PARAMETERS=error_inject:rules=write EDQUOT nth 2; delay_inject:delay=50ms; delay_inject:operations=write'
#include "../check.h"

int main(void) {
    enum { size = 4096 };
    int file = scratch_file(0);
    unsigned char *block = aligned_buffer(size);
    struct aiocb writes[3], synchronization = request(file, NULL, 0, 0);
    for (int i = 0; i < 3; i++) {
        writes[i] = request(file, block, size, i * size);
        OK(aio_write(&writes[i]));
    }
    OK(aio_fsync(O_SYNC, &synchronization));
    EQUAL(aio_error(&synchronization), EINPROGRESS);
    EQUAL(wait_for(&synchronization, 10), EDQUOT);
    for (int i = 0; i < 3; i++) EQUAL(wait_for(&writes[i], 10), i == 1 ? EDQUOT : 0);
    OK(aio_fsync(O_SYNC, &synchronization));
    EQUAL(FINISH(&synchronization), 0);
}
