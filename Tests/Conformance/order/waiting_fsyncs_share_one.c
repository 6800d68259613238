// holds: Several aio_fsyncs that wait on one file share one fsync of the kernel's.
// source: kaio (extension)
#include "../slow.h"
#include "../syscalls.h"
#include <linux/aio_abi.h>
#include <stdatomic.h>

#define COUNT 50

static atomic_int syncs;

static int count_syncs(const struct seccomp_data *call, pid_t thread) {
    (void)thread;
    if (call->nr != SYS_io_submit) syncs++;
    else {
        struct iocb **list = (struct iocb **)(uintptr_t)call->args[2];
        for (uint64_t i = 0; i < call->args[1]; i++)
            syncs += list[i]->aio_lio_opcode == IOCB_CMD_FSYNC || list[i]->aio_lio_opcode == IOCB_CMD_FDSYNC;
    }
    return 0;
}

int main(void) {
    int calls[] = {SYS_io_submit, SYS_fsync, SYS_fdatasync, SYS_sync, SYS_syncfs, SYS_sync_file_range};
    watch_calls(count_syncs, calls, sizeof calls / sizeof *calls);
    int file = scratch_file(0);
    struct slow slow = slow_memory();
    static struct aiocb syncing[COUNT];
    struct aiocb writing = request(file, slow.memory, SLOW_SIZE, 0);
    OK(aio_write(&writing));
    SLOW_TOUCHED(&slow);
    for (int i = 0; i < COUNT; i++) {
        syncing[i] = request(file, NULL, 0, 0);
        OK(aio_fsync(O_SYNC, &syncing[i]));
    }
    EQUAL(syncs, 0);
    slow_release(&slow, NULL);
    EQUAL(FINISH(&writing), SLOW_SIZE);
    for (int i = 0; i < COUNT; i++) EQUAL(FINISH(&syncing[i]), 0);
    EQUAL(syncs, 1);
    return 0;
}
