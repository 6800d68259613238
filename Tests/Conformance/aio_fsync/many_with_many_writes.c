// holds: Of many writes and aio_fsyncs queued in turn, each aio_fsync ends after all writes queued before it.
// source: aio_fsync
#include "../check.h"

#define COUNT 64

int main(void) {
    int file = scratch_file(0);
    unsigned char *data = aligned_buffer(COUNT * 8192);
    fill(data, COUNT * 8192, 1, 0);
    static struct aiocb writes[COUNT], syncs[COUNT];
    for (int i = 0; i < COUNT; i++) {
        writes[i] = request(file, data + i * 8192, 8192, i * 8192);
        syncs[i] = request(file, NULL, 0, 0);
        OK(aio_write(&writes[i]));
        OK(aio_fsync(i % 2 ? O_SYNC : O_DSYNC, &syncs[i]));
    }
    for (int i = COUNT - 1; i >= 0; i--) {
        EQUAL(wait_for(&syncs[i], 15), 0);
        for (int j = 0; j <= i; j++) EQUAL(aio_error(&writes[j]), 0);
    }
    for (int i = 0; i < COUNT; i++) {
        EQUAL(aio_return(&syncs[i]), 0);
        EQUAL(aio_return(&writes[i]), 8192);
    }
    EQUAL(pread(file, data, COUNT * 8192, 0), COUNT * 8192);
    VERIFY(data, COUNT * 8192, 1, 0);
    return 0;
}
