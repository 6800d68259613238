// holds: kaio_disconnect waits for a kaio_close that another thread is in.
// source: kaio
// modes: linked
#include "../connection.h"
#include <kaio_vfs.h>
#include <malloc.h>

enum { rounds = 50 };
static atomic_int isInside, closes, disconnects;

static int on_close(kaio_vfs_handle *handle, int descriptor) {
    isInside = 1;
    usleep(2000);
    closes++;
    return KAIO_VFS_NEXT_CLOSE(handle, descriptor);
}

static void on_disconnect(kaio_vfs_handle *handle) {
    EQUAL(closes, ++disconnects);
    KAIO_VFS_NEXT_DISCONNECT(handle);
}

static void *close_file(void *file) {
    OK(kaio_close(file));
    return NULL;
}

int main(void) {
    // What is used after it was freed shows.
    mallopt(M_PERTURB, 0x55);
    struct kaio_vfs_fns fns = {.close_fn = on_close, .disconnect_fn = on_disconnect};
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "slow", &fns));
    deadline(50);
    for (int round = 0; round < rounds; round++) {
        kaio_connection *connection = connected("slow ordered aio_linux aio_poll aio_pthread", NULL);
        kaio_file *file = kaio_open(connection, "/dev/null", O_RDONLY, 0);
        CHECK(file);
        pthread_t thread;
        isInside = 0;
        OK(pthread_create(&thread, NULL, close_file, file));
        while (!isInside) usleep(100);
        OK(kaio_disconnect(connection));
        OK(pthread_join(thread, NULL));
        EQUAL(closes, round + 1);
    }
}
