// holds: What is changed from outside is seen by bufio after `validate` at the latest, and at once where the file has grown; appends land at the end; a read over the end is short, and one behind it empty.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=bufio ordered aio_linux aio_poll aio_pthread' 'KAIO_VFS_PARAMETERS=bufio:validate=200ms; bufio:files=all'
// limit: 60
#include "../check.h"

enum { size = 4096 };
static char path[PATH_MAX];

static ssize_t look(int file, unsigned char *block, size_t length, off_t offset) {
    struct aiocb control = request(file, block, length, offset);
    OK(aio_read(&control));
    return FINISH(&control);
}

int main(void) {
    deadline(50);
    unsigned char *block = aligned_buffer(4 * size);
    int file = open(path_of(path, "data"), O_RDWR | O_CREAT | O_TRUNC | O_DIRECT, 0600);
    int outside = open(path, O_RDWR);
    write_pattern(outside, 1000, 1, 0);
    EQUAL(look(file, block, size, 0), 1000);
    VERIFY(block, 1000, 1, 0);
    EQUAL(look(file, block, size, 1000), 0);
    EQUAL(look(file, block, size, 1 << 20), 0);
    // It grows.
    write_pattern(outside, 6000, 2, 0);
    EQUAL(look(file, block, 2 * size, 0), 6000);
    VERIFY(block, 6000, 2, 0);
    EQUAL(look(file, block, 100, 990), 100);
    // Bytes of it change. Its time tells, in steps of some milliseconds.
    sleep_for(0.25);
    EQUAL(look(file, block, 100, 990), 100);
    sleep_for(0.02);
    write_pattern(outside, 6000, 3, 0);
    sleep_for(0.25);
    EQUAL(look(file, block, 2 * size, 0), 6000);
    VERIFY(block, 6000, 3, 0);
    // It becomes shorter.
    OK(ftruncate(outside, 500));
    sleep_for(0.25);
    EQUAL(look(file, block, 2 * size, 0), 500);
    VERIFY(block, 500, 3, 0);
    // Our own writes are no change from outside, and change the end.
    fill(block, 300, 4, 0);
    struct aiocb control = request(file, block, 300, 700);
    OK(aio_write(&control));
    EQUAL(FINISH(&control), 300);
    EQUAL(look(file, block, size, 0), 1000);
    VERIFY(block, 500, 3, 0);
    for (int i = 500; i < 700; i++) EQUAL(block[i], 0);
    VERIFY(block + 700, 300, 4, 0);
    struct stat status;
    OK(fstat(outside, &status));
    EQUAL(status.st_size, 1000);
    int appending = open(path, O_WRONLY | O_APPEND);
    for (int i = 0; i < 5; i++) {
        fill(block, 100, 5, (uint64_t)i * 100);
        control = request(appending, block, 100, 0);
        OK(aio_write(&control));
        EQUAL(FINISH(&control), 100);
        EQUAL(look(file, block, size, 1000), 100 * (i + 1));
        VERIFY(block, (size_t)(100 * (i + 1)), 5, 0);
    }
    // A part of a block through a descriptor that can't read.
    int writing = open(path, O_WRONLY);
    fill(block, 10, 6, 0);
    control = request(writing, block, 10, 5);
    OK(aio_write(&control));
    EQUAL(FINISH(&control), 10);
    EQUAL(look(file, block, 20, 0), 20);
    VERIFY(block, 5, 3, 0);
    VERIFY(block + 5, 10, 6, 0);
    // What a descriptor may not do it may not do here.
    control = request(writing, block, 10, 0);
    OK(aio_read(&control));
    EQUAL(wait_for(&control, 10), EBADF);
}
