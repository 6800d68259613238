// holds: With bufio a read or write with O_DIRECT takes any buffer, also where it is of whole blocks that are not in the cache; what one writes the file has.
// source: kaio
// limit: 60
// environment: 'KAIO_VFS_OBJECTS=bufio ordered aio_linux aio_poll aio_pthread' 'KAIO_VFS_PARAMETERS=bufio:size=1M'
#include "../check.h"

enum { size = 4096, blocks = 64 };

int main(void) {
    deadline(50);
    int file = scratch_file(O_DIRECT);
    unsigned char *content = aligned_buffer(blocks * size), *buffer = aligned_buffer(5 * size);
    fill(content, blocks * size, 1, 0);
    EQUAL(pwrite(file, content, blocks * size, 0), blocks * size);
    // The first request goes another way: nothing is known of the file.
    struct aiocb control = request(file, buffer, 1, 0);
    OK(aio_read(&control));
    EQUAL(FINISH(&control), 1);
    // Never in sequence, so that nothing is read ahead.
    for (int i = 1; i < 16; i++) {
        size_t length = (size_t)(1 + i % 2) * size;
        off_t offset = (off_t)(60 - 4 * i % 60) * size;
        control = request(file, buffer + i, length, offset);
        OK(aio_read(&control));
        EQUAL(FINISH(&control), (long)length);
        VERIFY(buffer + i, length, 1, offset);
        offset = (off_t)(58 - 4 * i % 60) * size;
        fill(buffer + i, size, 2, offset);
        control = request(file, buffer + i, size, offset);
        OK(aio_write(&control));
        EQUAL(FINISH(&control), size);
        EQUAL(pread(file, content, size, offset), size);
        VERIFY(content, size, 2, offset);
        memset(buffer, 0, 2 * size);
        OK(aio_read(&control));
        EQUAL(FINISH(&control), size);
        VERIFY(buffer + i, size, 2, offset);
    }
}
