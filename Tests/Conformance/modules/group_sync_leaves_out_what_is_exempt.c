// holds: Writes within group_sync:exempt range, and to files of group_sync:exempt path, are complete without a sync; so is one that fails, one of no bytes, and a pipe's.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=group_sync ordered gate aio_linux aio_poll aio_pthread' 'KAIO_VFS_PARAMETERS=group_sync:exempt range = 0-4095, 64k-65537; group_sync:exempt path = */exempt-? "*/with blank"'
// links: -Wl,-z,dynamic-undefined-weak
#include "gate.h"

static char data[8192];

static void is_exempt(int file, off_t offset, size_t size) {
    struct aiocb control = request(file, data, size, offset);
    int before = syncs_seen;
    OK(aio_write(&control));
    EQUAL(FINISH(&control), size);
    EQUAL(syncs_seen, before);
}

static void is_not(int file, off_t offset, size_t size) {
    struct aiocb control = request(file, data, size, offset);
    int before = syncs_seen;
    OK(aio_write(&control));
    AWAIT(syncs_seen == before + 1);
    EQUAL(aio_error(&control), EINPROGRESS);
    let_go(&syncs, 0);
    EQUAL(FINISH(&control), size);
}

int main(void) {
    deadline(60);
    register_gate();
    int file = scratch_file(0), ends[2];
    is_exempt(file, 0, 4096);
    is_exempt(file, 100, 100);
    is_exempt(file, 65536, 2);
    is_not(file, 4095, 2);
    is_not(file, 65536, 3);
    is_not(file, 65535, 2);
    const char *names[] = {"exempt-1", "with blank", "exempt-11"};
    for (int i = 0; i < 3; i++) {
        char path[PATH_MAX];
        int named = open(path_of(path, names[i]), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        CHECK(named >= 0);
        if (i < 2) is_exempt(named, 1 << 20, 8192);
        else is_not(named, 1 << 20, 8192);
        OK(close(named));
        unlink(path);
    }
    is_exempt(file, 1 << 20, 0);
    open_pipe(ends);
    is_exempt(ends[1], 0, 512);
    struct aiocb control = request(file, (void *)8, 512, 1 << 20);
    int before = syncs_seen;
    OK(aio_write(&control));
    FINISHES_WITH(&control, EFAULT);
    EQUAL(syncs_seen, before);
}
