// holds: A read of what bufio has makes no system call, and what is known of the descriptor's number is asked for again after a few milliseconds only.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=bufio ordered aio_linux aio_poll aio_pthread' 'KAIO_IDLE_SECONDS=0'
#include "../check.h"

enum { size = 4096, times = 20000 };

static void work(void) {
    int file = scratch_file(O_DIRECT);
    unsigned char *block = aligned_buffer(4 * size);
    fill(block, 4 * size, 1, 0);
    EQUAL(pwrite(file, block, 4 * size, 0), 4 * size);
    for (int i = 0; i < 4; i++) {
        struct aiocb control = request(file, block, size, i * size);
        OK(aio_read(&control));
        EQUAL(FINISH(&control), size);
    }
    start_counting();
    for (int i = 0; i < times; i++) {
        // Any offset and length, in one block or in two, and a buffer that O_DIRECT would refuse.
        off_t offset = i % (2 * size);
        struct aiocb control = request(file, block + 1, size, offset);
        aio_read(&control);
        if (aio_error(&control) != 0 || aio_return(&control) != size) _exit(3);
        if (block[1] != pattern_byte(1, (uint64_t)offset) || block[size] != pattern_byte(1, (uint64_t)offset + size - 1))
            _exit(4);
    }
    stop_counting();
}

int main(int argc, char **argv) {
    (void)argv;
    if (argc > 1) {
        work();
        return 0;
    }
    static int calls[call_numbers];
    trace_again("work", calls);
    EQUAL(calls[SYS_io_submit] + calls[SYS_pread64] + calls[SYS_preadv2] + calls[SYS_rt_sigprocmask], 0);
    int all = 0;
    for (int i = 0; i < call_numbers; i++) all += calls[i];
    // The program is traced, and runs for some of the clock's ticks.
    CHECK(all < times / 10);
}
