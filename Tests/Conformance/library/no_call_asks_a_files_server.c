// holds: Where the server of a file system does not say what a file's attributes are (FUSE, NFS), no call waits for it, and requests are done.
// source: kaio; aio_read ("The function call shall return when the read request has been initiated or queued")
// limit: 60
#include "../modules/device.h"

enum { size = 4096, rounds = 5 };

int main(void) {
    deadline(30);
    device_make();
    static const int flags[] = {O_RDWR, O_RDWR | O_DIRECT, O_RDWR | O_APPEND};
    for (int i = 0; i < 3; i++) {
        int file = open(device_path, flags[i]);
        CHECK(file >= 0);
        device->size = device_size / 2;
        for (int round = 0; round < rounds; round++) {
            unsigned char *buffers[4];
            struct aiocb controls[4], *list[2] = {&controls[2], &controls[3]}, sync = {.aio_fildes = file};
            for (int k = 0; k < 4; k++) {
                buffers[k] = aligned_buffer(size);
                controls[k] = request(file, buffers[k], size, k * size);
            }
            controls[2].aio_lio_opcode = LIO_READ;
            controls[3].aio_lio_opcode = LIO_WRITE;
            fill(buffers[1], size, 1, size);
            fill(buffers[3], size, 1, 3 * size);
            // What the library knew of the descriptor is old.
            sleep_for(0.02);
            device->held = round > 0;
            OK(aio_read(&controls[0]));
            OK(aio_write(&controls[1]));
            OK(lio_listio(LIO_NOWAIT, list, 2, NULL));
            OK(aio_fsync(O_SYNC, &sync));
            for (int k = 0; k < 4; k++) EQUAL(FINISH(&controls[k]), size);
            EQUAL(FINISH(&sync), 0);
            device->held = 0;
            for (int k = 0; k < 4; k++) free(buffers[k]);
        }
        close(file);
    }
}
