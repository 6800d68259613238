// holds: Requests on a file system whose server does not answer (FUSE, NFS) leave worker threads for those on others.
// source: kaio
// limit: 60
#include "../modules/device.h"

enum { SIZE = 4096, STUCK = device_size / SIZE };

int main(void) {
    deadline(30);
    device_make();
    int slow = open(device_path, O_RDWR | O_DIRECT), fast = scratch_file(0);
    CHECK(slow >= 0);
    device->held_reads = 1;
    static struct aiocb stuck[STUCK];
    for (int i = 0; i < STUCK; i++) {
        stuck[i] = request(slow, aligned_buffer(SIZE), SIZE, i * SIZE);
        OK(aio_read(&stuck[i]));
    }
    // A worker's, each of these: past the end, long, and for the device.
    char *buffer = calloc(1, 1 << 20);
    for (int i = 0; i < 20; i++) {
        struct aiocb add = request(fast, buffer, 1 << 20, (off_t)i << 20);
        OK(aio_write(&add));
        EQUAL(FINISH(&add), 1 << 20);
        struct aiocb take = request(fast, buffer, 1 << 20, (off_t)i << 20);
        OK(aio_read(&take));
        EQUAL(FINISH(&take), 1 << 20);
    }
    for (int i = 0; i < STUCK; i++) EQUAL(aio_error(&stuck[i]), EINPROGRESS);
    device->held_reads = 0;
    for (int i = 0; i < STUCK; i++) EQUAL(FINISH(&stuck[i]), SIZE);
}
