// holds: On a descriptor with O_SYNC or O_DSYNC aio_write ends when the data has left the page cache, as with write().
// source: aio_write
#include "../check.h"

// Only what is clean can be dropped from the page cache: nothing stays if all was written.
static int pages_that_stay(int file, size_t size) {
    posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    void *map = mmap(NULL, size, PROT_READ, MAP_SHARED, file, 0);
    unsigned char resident[64] = {0};
    int count = 0;
    CHECK(map != MAP_FAILED && size / 4096 <= sizeof resident);
    OK(mincore(map, size, resident));
    for (size_t i = 0; i < size / 4096; i++) count += resident[i] & 1;
    munmap(map, size);
    return count;
}

int main(void) {
    int modes[] = {O_SYNC, O_DSYNC};
    for (int mode = 0; mode < 2; mode++) {
        int file = scratch_file(modes[mode]);
        unsigned char data[65536];
        fill(data, sizeof data, 1, 0);
        struct aiocb control = request(file, data, sizeof data, 0);
        OK(aio_write(&control));
        EQUAL(FINISH(&control), sizeof data);
        EQUAL(pages_that_stay(file, sizeof data), 0);
        memset(data, 0, sizeof data);
        EQUAL(pread(file, data, sizeof data, 0), sizeof data);
        VERIFY(data, sizeof data, 1, 0);
    }
    return 0;
}
