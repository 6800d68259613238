// holds: Who closes a file's last descriptor waits until its writes are safe; the child of a fork has groups of its own.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=group_sync ordered gate aio_linux aio_poll aio_pthread' 'KAIO_VFS_PARAMETERS=group_sync:gather=0'
// links: -Wl,-z,dynamic-undefined-weak
#include "gate.h"

static atomic_int closed;

static void *closer(void *file) {
    OK(close((int)(intptr_t)file));
    closed = 1;
    return NULL;
}

int main(void) {
    deadline(60);
    register_gate();
    for (int direct = 0; direct < 2; direct++) {
        int file = scratch_file(direct ? O_DIRECT : 0);
        unsigned char *data = aligned_buffer(4096);
        OK(ftruncate(file, 4096));
        struct aiocb control = request(file, data, 4096, 0);
        syncs_seen = closed = 0;
        OK(aio_write(&control));
        AWAIT(syncs_seen == 1);
        pid_t child = fork();
        if (child == 0) {
            struct aiocb mine = request(file, data, 4096, 0);
            keeps_syncs = 0;
            OK(aio_write(&mine));
            EQUAL(FINISH(&mine), 4096);
            CHECK(aio_error(&control) != EINPROGRESS);
            OK(close(file));
            _exit(0);
        }
        EXITS(child);
        pthread_t thread;
        OK(pthread_create(&thread, NULL, closer, (void *)(intptr_t)file));
        give_it_time();
        EQUAL(closed, 0);
        EQUAL(aio_error(&control), EINPROGRESS);
        let_go(&syncs, 0);
        EQUAL(FINISH(&control), 4096);
        OK(pthread_join(thread, NULL));
        free(data);
    }
}
