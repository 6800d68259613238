// holds: When no memory is left (RLIMIT_AS) a call works or fails with EAGAIN; it works when there is some again.
// source: kaio (extension)
#include "../check.h"
#include <sys/resource.h>

int main(void) {
    int files[2] = {scratch_file(0), scratch_file(O_DIRECT)}, ends[2], worked = 0;
    struct rlimit before, none;
    char byte;
    OK(pipe(ends));
    unsigned char *data = aligned_buffer(1 << 20);
    for (int i = 0; i < 2; i++) write_pattern(files[i], 1 << 20, 1, 0);
    printf("no memory:\n");
    OK(getrlimit(RLIMIT_AS, &before));
    none = before;
    none.rlim_cur = 4096;
    for (int round = 0; round < 2; round++) {
        OK(setrlimit(RLIMIT_AS, round == 0 ? &none : &before));
        for (int i = 0; i < 12; i++) {
            size_t size = i & 1 ? 4096 : 1 << 20;
            struct aiocb control = request(files[i / 2 % 2], data, size, 0), waiting = request(ends[0], &byte, 1, 0);
            fill(data, size, 1, 0);
            int result = i % 3 == 0 ? aio_write(&control) : i % 3 == 1 ? aio_read(&control) : aio_fsync(O_SYNC, &control);
            if (result == 0) {
                EQUAL(FINISH(&control), i % 3 == 2 ? 0 : size);
                VERIFY(data, size, 1, 0);
                worked++;
            } else {
                EQUAL(errno, EAGAIN);
                EQUAL(round, 0);
            }
            if (aio_read(&waiting) == 0) {
                EQUAL(write(ends[1], "x", 1), 1);
                EQUAL(FINISH(&waiting), 1);
            } else {
                EQUAL(errno, EAGAIN);
                EQUAL(round, 0);
            }
        }
        printf("%d of 12 requests worked\n", worked);
        worked = 0;
    }
    return 0;
}
