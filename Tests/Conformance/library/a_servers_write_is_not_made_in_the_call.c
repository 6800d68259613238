// holds: However quick the writes of a file system were that asks a server for each (FUSE), no call waits for that server.
// source: kaio; aio_write ("The function call shall return when the write request has been initiated or queued")
// limit: 60
#include "../modules/device.h"

enum { SIZE = 4096, WRITES = 2000 };

int main(void) {
    deadline(30);
    device_make();
    int file = open(device_path, O_RDWR);
    CHECK(file >= 0);
    char buffer[SIZE];
    // In the page cache from here on.
    for (int i = 0; i < device_size / SIZE; i++) EQUAL(pread(file, buffer, SIZE, i * SIZE), SIZE);
    struct aiocb control;
    for (int i = 0; i < WRITES; i++) {
        control = request(file, buffer, SIZE, 0);
        OK(aio_write(&control));
        EQUAL(FINISH(&control), SIZE);
    }
    device->held_writes = 1;
    control = request(file, buffer, SIZE, 0);
    OK(aio_write(&control));
    EQUAL(aio_error(&control), EINPROGRESS);
    device->held_writes = 0;
    EQUAL(FINISH(&control), SIZE);
}
