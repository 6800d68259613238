// holds: Direct reads and overwrites, cached reads and fsync run in the kernel's AIO; no worker does them.
// source: kaio
#include "../check.h"

enum { count = 100, size = 4096 };

int main(int arguments, char **names) {
    (void)names;
    if (arguments > 1) {
        int direct = scratch_file(O_DIRECT), buffered = scratch_file(0);
        write_pattern(direct, size, 1, 0);
        write_pattern(buffered, size, 1, 0);
        OK(fsync(direct));
        unsigned char *block = aligned_buffer(size);
        struct aiocb control;
        for (int i = 0; i < count; i++) {
            control = request(direct, block, size, 0);
            OK(aio_read(&control));
            EQUAL(FINISH(&control), size);
            OK(aio_write(&control));
            EQUAL(FINISH(&control), size);
            control = request(buffered, block, size, 0);
            OK(aio_read(&control));
            EQUAL(FINISH(&control), size);
            VERIFY(block, size, 1, 0);
        }
        OK(aio_fsync(O_SYNC, &control));
        EQUAL(FINISH(&control), 0);
        OK(aio_fsync(O_DSYNC, &control));
        EQUAL(FINISH(&control), 0);
        return 0;
    }
    char json[4096];
    CHECK(statistics_of_work(json, sizeof json));
    // The kernel may refuse a few that it would have to wait for.
    CHECK(stat_of(json, "modules", "aio_linux") >= 3 * count + 2 - 30);
    CHECK(stat_of(json, "modules", "aio_pthread") <= 30);
    EQUAL(stat_of(json, "bytes", "read"), 2 * count * size);
}
