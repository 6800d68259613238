// holds: With bufio in write-back mode a write that makes the file longer is in the file when it is complete: fstat and lseek have the new size, and pread the data; a write within the file waits for aio_fsync.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=bufio ordered aio_linux aio_poll aio_pthread' 'KAIO_VFS_PARAMETERS=bufio:mode=writeback; bufio:files=all'
#include "../check.h"

static char data[100000], plain[100000];

static void put(int file, char value, size_t length, off_t offset) {
    memset(data, value, length);
    struct aiocb control = request(file, data, length, offset);
    OK(aio_write(&control));
    EQUAL(FINISH(&control), length);
}

static void has(int file, char value, size_t length, off_t offset) {
    EQUAL(pread(file, plain, length, offset), (ssize_t)length);
    for (size_t i = 0; i < length; i++) EQUAL(plain[i], value);
}

int main(void) {
    int files[] = {scratch_file(0), scratch_file(O_DIRECT)};
    for (int i = 0; i < 2; i++) {
        // The kernel's own calls, without O_DIRECT's rules.
        char path[64];
        snprintf(path, sizeof path, "/proc/self/fd/%d", files[i]);
        int seen = open(path, O_RDONLY | O_CLOEXEC);
        CHECK(seen >= 0);
        const size_t lengths[] = {100, 4096, 1, 70000};
        off_t size = 0;
        for (int k = 0; k < 4; k++) {
            put(files[i], (char)('a' + k), lengths[k], size);
            has(seen, (char)('a' + k), lengths[k], size);
            size += (off_t)lengths[k];
            struct stat status;
            OK(fstat(files[i], &status));
            EQUAL(status.st_size, size);
            EQUAL(lseek(seen, 0, SEEK_END), size);
        }
        // A part of it lies within the file.
        put(files[i], 'x', 200, size - 100);
        has(seen, 'x', 200, size - 100);
        put(files[i], 'y', 50, 10);
        has(seen, 'a', 50, 10);
        struct aiocb control = request(files[i], NULL, 0, 0);
        OK(aio_fsync(O_SYNC, &control));
        EQUAL(FINISH(&control), 0);
        has(seen, 'y', 50, 10);
    }
    return 0;
}
