// A module that keeps what comes to it until the program lets it go: `gate`, for stacks under test. It belongs below `ordered`.
#ifndef KAIO_TESTS_GATE_H
#define KAIO_TESTS_GATE_H

#include "../vfs/vfs.h"

static struct kept syncs = {.lock = PTHREAD_MUTEX_INITIALIZER}, writes = {.lock = PTHREAD_MUTEX_INITIALIZER};
static struct kept reads = {.lock = PTHREAD_MUTEX_INITIALIZER};
static atomic_int keeps_writes, keeps_reads, keeps_syncs = 1;
static atomic_int syncs_seen, whole_syncs, writes_seen, synchronous_writes, reads_seen;

static void gate_sync(kaio_vfs_handle *handle, kaio_request *request) {
    if (kaio_request_operation(request) == KAIO_OPERATION_FSYNC) whole_syncs++;
    if (keeps_syncs) keep(&syncs, handle, request);
    else KAIO_VFS_NEXT_AIO_FSYNC(handle, request);
    syncs_seen++;
}

static void gate_write(kaio_vfs_handle *handle, kaio_request *request) {
    if (fcntl(kaio_request_fd(request), F_GETFL) & O_DSYNC) synchronous_writes++;
    if (keeps_writes) keep(&writes, handle, request);
    else KAIO_VFS_NEXT_AIO_WRITE(handle, request);
    writes_seen++;
}

static void gate_read(kaio_vfs_handle *handle, kaio_request *request) {
    if (keeps_reads) keep(&reads, handle, request);
    else KAIO_VFS_NEXT_AIO_READ(handle, request);
    reads_seen++;
}

static int gate_withdraw(kaio_vfs_handle *handle, kaio_request *request, int must) {
    (void)handle;
    (void)must;
    return forget_kept(&syncs, request) || forget_kept(&writes, request) || forget_kept(&reads, request);
}

static UNUSED void register_gate(void) {
    const struct kaio_vfs_fns fns = {.aio_fsync_fn = gate_sync, .aio_write_fn = gate_write, .aio_read_fn = gate_read,
                                     .aio_withdraw_fn = gate_withdraw, .side = KAIO_VFS_BELOW_ORDERED};
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "gate", &fns));
}

// Lets the first go on, or ends it with an error.
static UNUSED void let_go(struct kept *kept, int error) {
    kaio_request *request = take_kept(kept);
    CHECK(request);
    if (error) EQUAL(kaio_vfs_complete(kept->handle, request, -error), 0);
    else EQUAL(kaio_vfs_next_request(kept->handle, request), 0);
}

// Waits until it holds; the deadline is the program's.
#define AWAIT(condition)                        \
    do {                                        \
        while (!(condition)) sleep_for(0.001);  \
    } while (0)

// What must not happen has had time to: a second, or less on a machine that is quick.
static UNUSED void give_it_time(void) { sleep_for(0.1); }

#endif
