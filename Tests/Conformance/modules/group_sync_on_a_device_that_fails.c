// holds: Where a sync of the device fails once and the next would succeed, all writes have its error until the file is closed; a device that is full says so, and later writes are safe.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=group_sync ordered aio_linux aio_poll aio_pthread'
// compare: no
#include "device.h"

static unsigned char *data;

static int write_block(int file, int block) {
    struct aiocb control = request(file, data, 4096, block * 4096);
    OK(aio_write(&control));
    int error = wait_for(&control, 10);
    EQUAL(aio_return(&control), error ? -1 : 4096);
    if (!error) EQUAL(memcmp(device->safe + block * 4096, data, 4096), 0);
    return error;
}

int main(void) {
    deadline(60);
    device_make();
    data = aligned_buffer(4096);
    const int flags[] = {0, O_DIRECT, O_DSYNC};
    for (int kind = 0; kind < 3; kind++) {
        fill(data, 4096, (uint64_t)kind, 0);
        int file = open(device_path, O_RDWR | O_CLOEXEC | flags[kind]);
        CHECK(file >= 0);
        EQUAL(write_block(file, 0), 0);
        device->full = 1;
        EQUAL(write_block(file, 1), ENOSPC);
        device->full = 0;
        EQUAL(write_block(file, 1), 0);
        device->failing_syncs = 1;
        EQUAL(write_block(file, 2), EIO);
        EQUAL(device->failing_syncs, 0);
        int second = open(device_path, O_RDWR | O_CLOEXEC);
        for (int i = 0; i < 3; i++) EQUAL(write_block(i % 2 ? file : second, 3), EIO);
        struct aiocb sync = request(second, NULL, 0, 0);
        OK(aio_fsync(O_SYNC, &sync));
        FINISHES_WITH(&sync, EIO);
        OK(close(file));
        EQUAL(write_block(second, 3), EIO);
        OK(close(second));
        file = open(device_path, O_RDWR | O_CLOEXEC | flags[kind]);
        EQUAL(write_block(file, 3), 0);
        OK(close(file));
    }
    exit(0);
}
