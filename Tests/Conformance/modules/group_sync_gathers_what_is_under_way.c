// holds: A sync begins when the writes under way as it was asked for are complete, serves those that came meanwhile too, and waits no longer than group_sync:gather.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=group_sync ordered gate aio_linux aio_poll aio_pthread' 'KAIO_VFS_PARAMETERS=group_sync:gather=1s'
// links: -Wl,-z,dynamic-undefined-weak
#include "gate.h"

enum { size = 4096 };

int main(void) {
    deadline(60);
    register_gate();
    keeps_writes = 1;
    int file = scratch_file(O_DIRECT);
    write_pattern(file, 8 * size, 1, 0);
    unsigned char *data = aligned_buffer(8 * size);
    struct aiocb requests[8];
    for (int i = 0; i < 3; i++) {
        requests[i] = request(file, data, size, i * size);
        OK(aio_write(&requests[i]));
    }
    AWAIT(writes.count == 3);
    let_go(&writes, 0);
    // The first is complete; a fourth begins after the sync was asked for.
    struct aiocb probe = request(file, data, size, 0);
    OK(aio_read(&probe));
    EQUAL(FINISH(&probe), size);
    requests[3] = request(file, data, size, 3 * size);
    OK(aio_write(&requests[3]));
    AWAIT(writes.count == 3);
    let_go(&writes, 0);
    EQUAL(syncs_seen, 0);
    let_go(&writes, 0);
    AWAIT(syncs_seen == 1);
    for (int i = 0; i < 3; i++) EQUAL(aio_error(&requests[i]), EINPROGRESS);
    let_go(&syncs, 0);
    for (int i = 0; i < 3; i++) EQUAL(FINISH(&requests[i]), size);
    EQUAL(aio_error(&requests[3]), EINPROGRESS);
    // One that takes long is not waited for.
    requests[4] = request(file, data, size, 4 * size);
    OK(aio_write(&requests[4]));
    AWAIT(writes.count == 2);
    double begin = now();
    let_go(&writes, 0);
    AWAIT(syncs_seen == 2);
    CHECK(now() - begin > 0.9);
    let_go(&syncs, 0);
    EQUAL(FINISH(&requests[3]), size);
    EQUAL(aio_error(&requests[4]), EINPROGRESS);
    let_go(&writes, 0);
    AWAIT(syncs_seen == 3);
    let_go(&syncs, 0);
    EQUAL(FINISH(&requests[4]), size);
}
