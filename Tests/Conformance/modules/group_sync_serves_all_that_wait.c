// holds: With group_sync a write is complete when a sync that began after it is; one sync serves all that wait, and the next group is what came meanwhile.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=group_sync ordered gate aio_linux aio_poll aio_pthread' 'KAIO_VFS_PARAMETERS=group_sync:gather=0'
// links: -Wl,-z,dynamic-undefined-weak
#include "gate.h"

enum { count = 8, size = 4096 };

int main(void) {
    deadline(60);
    register_gate();
    for (int direct = 0; direct < 2; direct++) {
        int file = scratch_file(direct ? O_DIRECT : 0);
        write_pattern(file, count * size, 1, 0);
        unsigned char *data = aligned_buffer(count * size), byte;
        fill(data, count * size, 2, 0);
        struct aiocb requests[count];
        syncs_seen = writes_seen = 0;
        requests[0] = request(file, data, size, 0);
        OK(aio_write(&requests[0]));
        AWAIT(syncs_seen == 1);
        for (int i = 1; i < count; i++) {
            requests[i] = request(file, data + i * size, size, i * size);
            OK(aio_write(&requests[i]));
        }
        // Written, but not safe.
        int plain = dup(file);
        if (!direct)
            for (int i = 0; i < count; i++)
                do EQUAL(pread(plain, &byte, 1, i * size), 1);
                while (byte != pattern_byte(2, (uint64_t)(i * size)));
        else AWAIT(writes_seen == count);
        give_it_time();
        for (int i = 0; i < count; i++) EQUAL(aio_error(&requests[i]), EINPROGRESS);
        EQUAL(aio_cancel(file, &requests[0]), AIO_NOTCANCELED);
        EQUAL(syncs_seen, 1);
        let_go(&syncs, 0);
        EQUAL(FINISH(&requests[0]), size);
        AWAIT(syncs_seen >= 2);
        give_it_time();
        EQUAL(syncs_seen, 2);
        for (int i = 1; i < count; i++) EQUAL(aio_error(&requests[i]), EINPROGRESS);
        let_go(&syncs, 0);
        for (int i = 1; i < count; i++) EQUAL(FINISH(&requests[i]), size);
        EQUAL(syncs_seen, 2);
        EQUAL(whole_syncs, 0);
        EQUAL(syncs.count, 0);
        close(plain);
        close(file);
        free(data);
    }
}
