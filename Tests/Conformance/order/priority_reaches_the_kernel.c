// holds: A request with aio_reqprio above 0 is given to the kernel with a lower I/O priority than one with 0.
// source: kaio (extension)
#include "../syscalls.h"
#include <linux/aio_abi.h>
#include <linux/ioprio.h>
#include <stdatomic.h>

// The I/O priority of the last transfer that io_submit was given; -1 if it had none.
static atomic_int seen = -2;

static int look(const struct seccomp_data *call, pid_t thread) {
    (void)thread;
    struct iocb **list = (struct iocb **)(uintptr_t)call->args[2];
    for (uint64_t i = 0; i < call->args[1]; i++)
        if (list[i]->aio_lio_opcode == IOCB_CMD_PREAD)
            seen = list[i]->aio_flags & IOCB_FLAG_IOPRIO ? list[i]->aio_reqprio : -1;
    return 0;
}

static int level_for(int file, int priority) {
    void *buffer = aligned_buffer(4096);
    struct aiocb control = request(file, buffer, 4096, 0);
    control.aio_reqprio = priority;
    seen = -2;
    OK(aio_read(&control));
    EQUAL(FINISH(&control), 4096);
    CHECK(seen != -2);
    // Unset is what a process has by default: best effort, level 4.
    if (seen == -1 || IOPRIO_PRIO_CLASS(seen) == IOPRIO_CLASS_NONE) return 4;
    return IOPRIO_PRIO_DATA(seen) + 8 * (IOPRIO_PRIO_CLASS(seen) == IOPRIO_CLASS_IDLE);
}

int main(void) {
    int calls[] = {SYS_io_submit}, most = (int)sysconf(_SC_AIO_PRIO_DELTA_MAX), file = scratch_file(O_DIRECT);
    watch_calls(look, calls, 1);
    write_pattern(file, 4096, 1, 0);
    int before = level_for(file, 0);
    EQUAL(before, 4);
    for (int priority = 1; priority <= most; priority++) {
        int level = level_for(file, priority);
        CHECK(level >= before);
        before = level;
    }
    CHECK(before > 4);
    return 0;
}
