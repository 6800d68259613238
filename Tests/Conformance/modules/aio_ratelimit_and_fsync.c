// holds: An aio_fsync does not overtake writes of its file that wait for their tokens, also with aio_ratelimit on top; it waits for no other file's, takes no token, and can be cancelled.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=aio_ratelimit ordered aio_linux aio_poll' 'KAIO_VFS_PARAMETERS=aio_ratelimit:write_iops=20; aio_ratelimit:burst=1ms'
#include "../check.h"

enum { count = 6, size = 4096 };

int main(void) {
    int file = scratch_file(O_DIRECT), other = scratch_file(O_DIRECT);
    char *block = aligned_buffer(size);
    struct aiocb writes[count], others[count], sync, again, foreign;
    fill(block, size, 1, 0);
    for (int i = 0; i < count; i++) {
        writes[i] = request(file, block, size, (off_t)i * size);
        OK(aio_write(&writes[i]));
    }
    sync = again = request(file, NULL, 0, 0);
    foreign = request(other, NULL, 0, 0);
    double began = now();
    // Nothing of this file waits.
    OK(aio_fsync(O_DSYNC, &foreign));
    EQUAL(FINISH(&foreign), 0);
    CHECK(now() - began < 0.15);
    for (int i = 0; i < count; i++) {
        others[i] = request(other, block, size, (off_t)i * size);
        OK(aio_write(&others[i]));
    }
    OK(aio_fsync(O_SYNC, &sync));
    OK(aio_fsync(O_DSYNC, &again));
    EQUAL(aio_cancel(file, &again), AIO_CANCELED);
    FINISHES_WITH(&again, ECANCELED);
    EQUAL(aio_error(&sync), EINPROGRESS);
    EQUAL(FINISH(&sync), 0);
    double took = now() - began;
    for (int i = 0; i < count; i++) EQUAL(aio_error(&writes[i]), 0);
    // The others' tokens come later, and there is none for the fsync.
    EQUAL(aio_error(&others[count - 1]), EINPROGRESS);
    if (took < 0.2 || took > 0.45) failed(__FILE__, __LINE__, "%g s", took);
    for (int i = 0; i < count; i++) EQUAL(FINISH(&others[i]), size);
    took = now() - began;
    if (took < 0.5 || took > 0.75) failed(__FILE__, __LINE__, "%g s for all", took);
    for (int i = 0; i < count; i++) EQUAL(FINISH(&writes[i]), size);
    // Where its write is cancelled, it need not wait.
    struct aiocb first = request(file, block, size, 0), second = request(file, block, size, size);
    OK(aio_write(&first));
    OK(aio_write(&second));
    OK(aio_fsync(O_SYNC, &sync));
    EQUAL(aio_cancel(file, &second), AIO_CANCELED);
    EQUAL(FINISH(&first), size);
    EQUAL(FINISH(&sync), 0);
    FINISHES_WITH(&second, ECANCELED);
}
