// holds: readahead asks the kernel for its window in steps that every device takes at once, 128 KiB, without a gap.
// source: kaio (the kernel leaves out what is beyond the device's largest transfer)
// environment: 'KAIO_VFS_OBJECTS=readahead ordered aio_linux aio_poll' 'KAIO_VFS_PARAMETERS=readahead:window=1000k; readahead:after=2'
#include "../syscalls.h"

enum { size = 4096, step = 128 << 10, window = 1000 << 10, most = 64 };

static _Atomic int count;
static struct { int64_t offset, length; } asked[most];

static int see(const struct seccomp_data *call, pid_t thread) {
    (void)thread;
    if (call->args[3] == POSIX_FADV_WILLNEED && count < most) {
        asked[count].offset = (int64_t)call->args[1];
        asked[count].length = (int64_t)call->args[2];
        count++;
    }
    return 0;
}

int main(void) {
    int file = scratch_file(0);
    static unsigned char blocks[size];
    write_pattern(file, 4 << 20, 1, 0);
    watch_calls(see, (int[]){SYS_fadvise64}, 1);
    for (int i = 0; i < 2; i++) {
        struct aiocb control = request(file, blocks, size, i * size);
        OK(aio_read(&control));
        EQUAL(FINISH(&control), size);
    }
    for (double end = now() + 10; count < (window + step - 1) / step && now() < end;) sleep_for(0.01);
    sleep_for(0.2);
    EQUAL(count, (window + step - 1) / step);
    int64_t next = 2 * size;
    for (int i = 0; i < count; i++) {
        EQUAL(asked[i].offset, next);
        CHECK(asked[i].length > 0 && asked[i].length <= step);
        next += asked[i].length;
    }
    EQUAL(next, 2 * size + window);
}
