// holds: When aio_fsync with O_SYNC or O_DSYNC is done, the data of the writes before it is out of the page cache.
// source: aio_fsync
#include "../check.h"

int main(void) {
    int operations[] = {O_SYNC, O_DSYNC};
    for (int mode = 0; mode < 2; mode++) {
        int file = scratch_file(0);
        unsigned char data[65536], resident[16];
        fill(data, sizeof data, 1, 0);
        struct aiocb writing = request(file, data, sizeof data, 0), syncing = request(file, NULL, 0, 0);
        OK(aio_write(&writing));
        OK(aio_fsync(operations[mode], &syncing));
        EQUAL(FINISH(&syncing), 0);
        EQUAL(FINISH(&writing), sizeof data);
        // Only what is clean can be dropped from the page cache: nothing stays if all was written.
        posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
        void *map = mmap(NULL, sizeof data, PROT_READ, MAP_SHARED, file, 0);
        CHECK(map != MAP_FAILED);
        OK(mincore(map, sizeof data, resident));
        for (size_t i = 0; i < sizeof resident; i++) EQUAL(resident[i] & 1, 0);
        VERIFY(map, sizeof data, 1, 0);
    }
    return 0;
}
