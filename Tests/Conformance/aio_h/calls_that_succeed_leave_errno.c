// holds: No function of aio.h changes errno when it succeeds, whether it waits or not.
// source: kaio (extension)
#include "../check.h"

#define LEAVES_ERRNO(call, expected)   \
    do {                               \
        errno = 4711;                  \
        long long got_ = (call);       \
        int after_ = errno;            \
        EQUAL(got_, expected);         \
        EQUAL(after_, 4711);           \
    } while (0)

static void run(int descriptor, size_t size) {
    unsigned char *buffer = aligned_buffer(size);
    struct aiocb control = request(descriptor, buffer, size, 0);
    const struct aiocb *list[1] = {&control};
    LEAVES_ERRNO(aio_write(&control), 0);
    LEAVES_ERRNO(aio_suspend(list, 1, NULL), 0);
    LEAVES_ERRNO(aio_error(&control), 0);
    LEAVES_ERRNO(aio_return(&control), (long long)size);
    posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
    LEAVES_ERRNO(aio_read(&control), 0);
    LEAVES_ERRNO(aio_suspend(list, 1, NULL), 0);
    LEAVES_ERRNO(aio_return(&control), (long long)size);
    LEAVES_ERRNO(aio_fsync(O_DSYNC, &control), 0);
    LEAVES_ERRNO(aio_suspend(list, 1, NULL), 0);
    LEAVES_ERRNO(aio_return(&control), 0);
    LEAVES_ERRNO(aio_cancel(descriptor, &control), AIO_ALLDONE);
    LEAVES_ERRNO(aio_cancel(descriptor, NULL), AIO_ALLDONE);
    free(buffer);
}

int main(void) {
    int files[2] = {scratch_file(0), scratch_file(O_DIRECT)}, ends[2];
    for (int i = 0; i < 2; i++) {
        run(files[i], 4096);
        run(files[i], 1 << 20);
    }
    OK(pipe(ends));
    char byte;
    struct aiocb waiting = request(ends[0], &byte, 1, 0), writing = request(ends[1], "x", 1, 0);
    const struct aiocb *both[2] = {&waiting, NULL};
    LEAVES_ERRNO(aio_read(&waiting), 0);
    LEAVES_ERRNO(aio_error(&waiting), EINPROGRESS);
    LEAVES_ERRNO(aio_write(&writing), 0);
    LEAVES_ERRNO(aio_suspend(both, 2, NULL), 0);
    LEAVES_ERRNO(aio_return(&waiting), 1);
    EQUAL(FINISH(&writing), 1);

    struct aiocb members[2], *list[2] = {&members[0], &members[1]};
    unsigned char *data = aligned_buffer(8192);
    for (int mode = 0; mode < 2; mode++) {
        for (int i = 0; i < 2; i++) {
            members[i] = request(files[0], data + i * 4096, 4096, i * 4096);
            members[i].aio_lio_opcode = LIO_READ;
        }
        LEAVES_ERRNO(lio_listio(mode ? LIO_NOWAIT : LIO_WAIT, list, 2, NULL), 0);
        for (int i = 0; i < 2; i++) EQUAL(FINISH(&members[i]), 4096);
    }
    return 0;
}
