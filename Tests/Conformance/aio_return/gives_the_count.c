// holds: aio_return gives what read() or write() would have returned, and 0 for aio_fsync.
// source: aio_return
#include "../check.h"

int main(void) {
    int file = scratch_file(0);
    char buffer[16];
    struct aiocb writing = request(file, "data", 4, 0), reading = request(file, buffer, 16, 1),
                 syncing = request(file, NULL, 0, 0);
    OK(aio_write(&writing));
    EQUAL(FINISH(&writing), 4);
    OK(aio_read(&reading));
    EQUAL(FINISH(&reading), 3);
    OK(aio_fsync(O_DSYNC, &syncing));
    EQUAL(FINISH(&syncing), 0);
    return 0;
}
