// holds: A program may exit with requests in flight on buffers and aiocbs of a stack that is in use for other things by then.
// source: FACTS choice (exit)
#include "../check.h"

static int files[2], ends[2];

__attribute__((noinline)) static void start(void) {
    struct aiocb controls[16];
    unsigned char room[17 * 8192], *buffers = (unsigned char *)(((uintptr_t)room + 4095) & ~(uintptr_t)4095);
    for (int i = 0; i < 16; i++) {
        if (i % 8 == 7) controls[i] = request(ends[0], buffers + i * 8192, 8192, 0);
        else controls[i] = request(files[i % 2], buffers + i * 8192, 8192, i * 8192);
        OK(aio_read(&controls[i]));
    }
}

int main(void) {
    for (int i = 0; i < 2; i++) {
        files[i] = scratch_file(i ? O_DIRECT : 0);
        write_pattern(files[i], 1 << 20, 1, 0);
    }
    OK(pipe(ends));
    for (int round = 0; round < 60; round++) {
        posix_fadvise(files[0], 0, 0, POSIX_FADV_DONTNEED);
        pid_t child = fork();
        if (child == 0) {
            alarm(10);
            start();
            if (round % 3 == 0) exit(0);
            if (round % 3 == 1) _exit(0);
            return 0;
        }
        EQUAL(write(ends[1], "x", 1), 1);
        EXITS(child);
    }
    return 0;
}
