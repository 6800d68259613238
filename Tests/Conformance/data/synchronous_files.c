// holds: O_SYNC and O_DSYNC files take asynchronous writes, buffered and direct, and give the bytes back.
// source: aio_write
#include "../check.h"

int main(void) {
    enum { count = 16, size = 16384 };
    const int flags[] = {O_SYNC, O_DSYNC, O_SYNC | O_DIRECT, O_DSYNC | O_APPEND};
    unsigned char *blocks = aligned_buffer(count * size);
    for (int kind = 0; kind < 4; kind++) {
        int descriptor = scratch_file(flags[kind]);
        struct aiocb controls[count];
        fill(blocks, count * size, (uint64_t)kind, 0);
        for (int i = 0; i < count; i++) {
            controls[i] = request(descriptor, blocks + i * size, size, i * size);
            OK(aio_write(&controls[i]));
        }
        for (int i = 0; i < count; i++) EQUAL(FINISH(&controls[i]), size);
        memset(blocks, 0, count * size);
        for (int i = 0; i < count; i++) OK(aio_read(&controls[i]));
        for (int i = 0; i < count; i++) EQUAL(FINISH(&controls[i]), size);
        VERIFY(blocks, count * size, (uint64_t)kind, 0);
        close(descriptor);
    }
}
