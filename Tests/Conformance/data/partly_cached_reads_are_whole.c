// holds: A read of which only a part is in the page cache gives all its bytes, like any other.
// source: kernel (RWF_NOWAIT gives the cached part alone)
#include "../check.h"

int main(void) {
    enum { length = 1 << 20, pages = length / 4096 };
    int descriptor = scratch_file(0);
    write_pattern(descriptor, length, 6, 0);
    unsigned char *buffer = aligned_buffer(length);
    for (int round = 0; round < 24; round++) {
        OK(fsync(descriptor));
        OK(posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED));
        OK(posix_fadvise(descriptor, 0, 0, POSIX_FADV_RANDOM));
        // Only some pages come back into the cache: the first half, the last, every third.
        for (int page = 0; page < pages; page++) {
            int wanted = round % 3 == 0 ? page < pages / 2 : round % 3 == 1 ? page >= pages / 2 : page % 3 == 0;
            if (wanted) EQUAL(pread(descriptor, buffer, 4096, page * 4096), 4096);
        }
        size_t size = round % 2 ? 48 << 10 : length;
        off_t offset = round % 2 ? length / 2 - (24 << 10) : 0;
        memset(buffer, 0xa5, length);
        struct aiocb control = request(descriptor, buffer, size, offset);
        OK(aio_read(&control));
        EQUAL(FINISH(&control), size);
        VERIFY(buffer, size, 6, (uint64_t)offset);
    }
}
