// holds: With group_sync:hold writes nothing is written while a sync runs, what depends on a write that is held back waits with it and what does not goes on; such a write can be cancelled, and goes on when the sync ends, or when group_sync:hold limit is over.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=group_sync ordered gate aio_linux aio_poll aio_pthread' 'KAIO_VFS_PARAMETERS=group_sync:gather=0; group_sync:hold writes=yes; group_sync:hold limit=3s'
// links: -Wl,-z,dynamic-undefined-weak
#include "gate.h"

enum { size = 4096 };

int main(void) {
    deadline(60);
    register_gate();
    int file = scratch_file(0);
    write_pattern(file, 8 * size, 1, 0);
    static unsigned char data[8 * size], back[size], far[size];
    fill(data, sizeof data, 2, 0);
    for (int round = 0; round < 2; round++) {
        struct aiocb first = request(file, data, size, 0), second = request(file, data + size, size, size);
        struct aiocb third = request(file, data + 2 * size, size, 2 * size), sync = request(file, NULL, 0, 0);
        struct aiocb near = request(file, back, size, size), distant = request(file, far, size, 4 * size);
        write_pattern(file, 8 * size, 1, 0);
        syncs_seen = writes_seen = 0;
        OK(aio_write(&first));
        AWAIT(syncs_seen == 1);
        OK(aio_write(&second));
        OK(aio_write(&third));
        OK(aio_read(&near));
        OK(aio_read(&distant));
        OK(aio_fsync(O_DSYNC, &sync));
        EQUAL(FINISH(&distant), size);
        VERIFY(far, size, 1, 4 * size);
        EQUAL(aio_cancel(file, &third), AIO_CANCELED);
        FINISHES_WITH(&third, ECANCELED);
        if (round == 0) {
            give_it_time();
            EQUAL(writes_seen, 1);
            EQUAL(syncs_seen, 1);
            EQUAL(aio_error(&near), EINPROGRESS);
            let_go(&syncs, 0);
            EQUAL(FINISH(&first), size);
        } else {
            // The sync hangs.
            double begin = now();
            AWAIT(writes_seen == 2);
            CHECK(now() - begin > 2);
        }
        EQUAL(FINISH(&near), size);
        VERIFY(back, size, 2, size);
        while (aio_error(&sync) == EINPROGRESS || aio_error(&second) == EINPROGRESS)
            if (syncs.count > 0) let_go(&syncs, 0);
            else sleep_for(0.001);
        EQUAL(FINISH(&first), size);
        EQUAL(FINISH(&second), size);
        EQUAL(FINISH(&sync), 0);
        EQUAL(writes_seen, 2);
        unsigned char byte;
        EQUAL(pread(file, &byte, 1, 2 * size), 1);
        EQUAL(byte, pattern_byte(1, 2 * size));
    }
    // What is held back goes with its descriptor.
    struct aiocb first = request(file, data, size, 0), second = request(dup(file), data, size, 0);
    int seen = syncs_seen;
    OK(aio_write(&first));
    AWAIT(syncs_seen == seen + 1);
    OK(aio_write(&second));
    OK(close(second.aio_fildes));
    FINISHES_WITH(&second, ECANCELED);
    let_go(&syncs, 0);
    EQUAL(FINISH(&first), size);
}
