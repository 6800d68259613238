// holds: A failed sync fails its whole group; every later sync of the file says so, the caller's aio_fsync too, until all its descriptors are closed; other files are not concerned.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=group_sync ordered gate aio_linux aio_poll aio_pthread' 'KAIO_VFS_PARAMETERS=group_sync:gather=0'
// links: -Wl,-z,dynamic-undefined-weak
#include "gate.h"

enum { count = 6, size = 512 };

int main(void) {
    deadline(60);
    register_gate();
    char path[PATH_MAX];
    path_of(path, "latched");
    static char data[size];
    // By a sync of a group, and by the caller's aio_fsync.
    for (int round = 0; round < 2; round++) {
        int error = round == 0 ? EIO : ENOSPC;
        int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), second = open(path, O_RDWR | O_CLOEXEC);
        int other = scratch_file(0);
        CHECK(file >= 0 && second >= 0);
        struct aiocb requests[count], sync = request(file, NULL, 0, 0);
        syncs_seen = 0;
        if (round == 0) {
            for (int i = 0; i < count; i++) {
                requests[i] = request(i % 2 ? file : second, data, size, i * size);
                OK(aio_write(&requests[i]));
                if (i == 0) AWAIT(syncs_seen == 1);
            }
            let_go(&syncs, 0);
            EQUAL(FINISH(&requests[0]), size);
            AWAIT(syncs_seen == 2);
            let_go(&syncs, error);
            for (int i = 1; i < count; i++) FINISHES_WITH(&requests[i], error);
        } else {
            OK(aio_fsync(O_DSYNC, &sync));
            AWAIT(syncs_seen == 1);
            let_go(&syncs, error);
            FINISHES_WITH(&sync, error);
        }
        EQUAL(syncs.count, 0);
        // The data may be gone, and the kernel would not say so again.
        keeps_syncs = 0;
        for (int i = 0; i < 2; i++) {
            requests[0] = request(i ? file : second, data, size, 0);
            OK(aio_write(&requests[0]));
            FINISHES_WITH(&requests[0], error);
            sync.aio_fildes = i ? file : second;
            OK(aio_fsync(O_SYNC, &sync));
            FINISHES_WITH(&sync, error);
        }
        requests[0] = request(other, data, size, 0);
        OK(aio_write(&requests[0]));
        EQUAL(FINISH(&requests[0]), size);
        OK(close(file));
        requests[0] = request(second, data, size, 0);
        OK(aio_write(&requests[0]));
        FINISHES_WITH(&requests[0], error);
        OK(close(second));
        file = open(path, O_RDWR | O_CLOEXEC);
        requests[0] = request(file, data, size, 0);
        OK(aio_write(&requests[0]));
        EQUAL(FINISH(&requests[0]), size);
        sync.aio_fildes = file;
        OK(aio_fsync(O_SYNC, &sync));
        EQUAL(FINISH(&sync), 0);
        OK(close(file));
        OK(close(other));
        keeps_syncs = 1;
    }
    unlink(path);
}
