// holds: In the child of a fork a module is told to forget, and the parent's kept requests are refused there.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=mine ordered aio_linux aio_poll aio_pthread'
// links: -Wl,-z,dynamic-undefined-weak
#include "vfs.h"

static struct kept kept = {.lock = PTHREAD_MUTEX_INITIALIZER};
static int keeps = 1, forked, connected;

static int on_connect(kaio_vfs_handle *handle, const char *service) {
    connected++;
    return KAIO_VFS_NEXT_CONNECT(handle, service);
}
static void on_request(kaio_vfs_handle *handle, kaio_request *request) {
    if (keeps) {
        CHECK(*kaio_vfs_request_data(handle, request) == NULL);
        *kaio_vfs_request_data(handle, request) = "data";
        keep(&kept, handle, request);
    } else KAIO_VFS_NEXT_AIO_READ(handle, request);
}
static void on_fork(kaio_vfs_handle *handle) {
    CHECK(handle == kept.handle);
    forked++;
}

int main(void) {
    struct kaio_vfs_fns fns = {.connect_fn = on_connect, .aio_read_fn = on_request, .forked_fn = on_fork};
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "mine", &fns));
    deadline(15);
    int file = scratch_file(0);
    char buffer[4];
    EQUAL(pwrite(file, "abcd", 4, 0), 4);
    struct aiocb control = request(file, buffer, 4, 0);
    OK(aio_read(&control));
    kaio_request *request_of_parent = kept.requests[0];
    pid_t child = fork();
    if (child == 0) {
        deadline(10);
        for (int i = 0; i < 2; i++) {
            EQUAL(KAIO_VFS_NEXT_AIO_READ(kept.handle, request_of_parent), -1);
            EQUAL(kaio_vfs_complete(kept.handle, request_of_parent, 4), -1);
            CHECK(kaio_vfs_request_data(kept.handle, request_of_parent) == NULL);
            keeps = i;
            kept.first = kept.count = 0;
            struct aiocb own = request(file, buffer, 4, 0);
            OK(aio_read(&own));
            if (i == 1) EQUAL(KAIO_VFS_NEXT_AIO_READ(kept.handle, take_kept(&kept)), 0);
            EQUAL(FINISH(&own), 4);
            EQUAL(forked, 1);
        }
        EQUAL(connected, 1);
        _exit(0);
    }
    EXITS(child);
    EQUAL(forked, 0);
    EQUAL(aio_error(&control), EINPROGRESS);
    EQUAL(KAIO_VFS_NEXT_AIO_READ(kept.handle, request_of_parent), 0);
    EQUAL(FINISH(&control), 4);
}
