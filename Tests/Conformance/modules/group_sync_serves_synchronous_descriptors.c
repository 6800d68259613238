// holds: Writes to a descriptor with O_DSYNC or O_SYNC are served in groups too, through a descriptor that the program neither sees nor can close; O_SYNC has the whole file synchronized; O_APPEND and several buffers work.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=group_sync ordered gate aio_linux aio_poll aio_pthread' 'KAIO_VFS_PARAMETERS=group_sync:gather=1s'
// links: -Wl,-z,dynamic-undefined-weak
#include "gate.h"
#include <sys/uio.h>

enum { count = 16, size = 4096 };

#pragma weak aio_writev
ssize_t aio_writev(struct aiocb *control);

int main(void) {
    deadline(60);
    register_gate();
    const int flags[] = {O_DSYNC, O_SYNC, O_DSYNC | O_DIRECT, O_SYNC | O_APPEND};
    for (size_t kind = 0; kind < 4; kind++) {
        int file = scratch_file(flags[kind]);
        int appends = flags[kind] & O_APPEND;
        unsigned char *data = aligned_buffer(count * size), *back = aligned_buffer(count * size);
        fill(data, count * size, kind, 0);
        if (!appends) OK(ftruncate(file, count * size));
        keeps_syncs = keeps_writes = 1;
        syncs_seen = writes_seen = synchronous_writes = whole_syncs = 0;
        struct aiocb requests[count];
        for (int i = 0; i < count; i++) {
            requests[i] = request(file, data + i * size, size, appends ? 0 : i * size);
            OK(aio_write(&requests[i]));
        }
        keeps_writes = 0;
        while (writes_seen < count || writes.count > 0) {
            if (writes.count > 0) let_go(&writes, 0);
            else sleep_for(0.001);
        }
        AWAIT(syncs_seen == 1);
        for (int i = 0; i < count; i++) EQUAL(aio_error(&requests[i]), EINPROGRESS);
        let_go(&syncs, 0);
        keeps_syncs = 0;
        for (int i = 0; i < count; i++) EQUAL(FINISH(&requests[i]), size);
        CHECK(syncs_seen <= 2);
        CHECK((flags[kind] & O_SYNC) == O_SYNC ? whole_syncs > 0 : whole_syncs == 0);
        EQUAL(synchronous_writes, 0);
        CHECK(fcntl(file, F_GETFL) & O_DSYNC);
        EQUAL(pread(file, back, count * size, 0), count * size);
        VERIFY(back, count * size, kind, 0);
        struct iovec vector[] = {{data, size}, {data + size, size}};
        struct aiocb both = request(file, vector, 2, 0);
        OK(aio_writev(&both));
        EQUAL(FINISH(&both), 2 * size);
        EQUAL(synchronous_writes, 0);
        // The library's own.
        int before = count_descriptors();
        for (int number = 0; number < 1024; number++) {
            char path[64], target[64];
            snprintf(path, sizeof path, "/proc/self/fd/%d", number);
            if (number == file || readlink(path, target, sizeof target) < 0) continue;
            struct stat mine, its;
            OK(fstat(file, &mine));
            if (fstat(number, &its) != 0 || its.st_ino != mine.st_ino || its.st_dev != mine.st_dev) continue;
            CHECK(number >= 800);
            FAILS(close(number), EBADF);
        }
        OK(close(file));
        CHECK(count_descriptors() <= before - 3);
        free(data);
        free(back);
    }
}
