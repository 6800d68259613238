// holds: A request that was passed on or completed, or is long over, is refused, and no other is harmed.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=mine ordered aio_linux aio_poll aio_pthread'
// links: -Wl,-z,dynamic-undefined-weak
#include "vfs.h"

static kaio_vfs_handle *handle_of;
static kaio_request *latest;
static struct kept kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void on_read(kaio_vfs_handle *handle, kaio_request *request) {
    handle_of = handle;
    latest = request;
    EQUAL(KAIO_VFS_NEXT_AIO_READ(handle, request), 0);
    EQUAL(KAIO_VFS_NEXT_AIO_READ(handle, request), -1);
    EQUAL(kaio_vfs_complete(handle, request, 0), -1);
}
static void on_write(kaio_vfs_handle *handle, kaio_request *request) { keep(&kept, handle, request); }
static void on_fsync(kaio_vfs_handle *handle, kaio_request *request) {
    EQUAL(kaio_vfs_complete(handle, request, 0), 0);
    EQUAL(kaio_vfs_complete(handle, request, 0), -1);
    EQUAL(KAIO_VFS_NEXT_AIO_FSYNC(handle, request), -1);
}
static ssize_t on_done(kaio_vfs_handle *handle, kaio_request *request, ssize_t result) {
    EQUAL(KAIO_VFS_NEXT_AIO_READ(handle, request), -1);
    return result;
}

int main(void) {
    struct kaio_vfs_fns fns = {
        .aio_read_fn = on_read, .aio_write_fn = on_write, .aio_fsync_fn = on_fsync, .aio_done_fn = on_done};
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "mine", &fns));
    int file = scratch_file(0);
    char buffer[] = "abcd";
    struct aiocb control = request(file, buffer, 4, 0);
    OK(aio_read(&control));
    EQUAL(FINISH(&control), 0);
    OK(aio_fsync(O_SYNC, &control));
    EQUAL(FINISH(&control), 0);
    // The block is used again for this one, which is kept.
    control = request(file, buffer, 4, 0);
    OK(aio_write(&control));
    for (int i = 0; i < 2; i++) {
        EQUAL(KAIO_VFS_NEXT_AIO_READ(handle_of, latest), -1);
        EQUAL(kaio_vfs_complete(handle_of, latest, -EIO), -1);
        CHECK(kaio_vfs_request_data(handle_of, latest) == NULL);
        EQUAL(kaio_request_operation(latest), KAIO_OPERATION_NONE);
        EQUAL(kaio_request_fd(latest), -1);
    }
    EQUAL(aio_error(&control), EINPROGRESS);
    EQUAL(kaio_vfs_complete(handle_of, NULL, 0), -1);
    EQUAL(kaio_vfs_complete(handle_of, (kaio_request *)-1, 0), -1);
    kaio_request *request = take_kept(&kept);
    EQUAL(KAIO_VFS_NEXT_AIO_WRITE(kept.handle, request), 0);
    EQUAL(FINISH(&control), 4);
    EQUAL(KAIO_VFS_NEXT_AIO_WRITE(kept.handle, request), -1);
    EQUAL(kaio_vfs_complete(kept.handle, request, 0), -1);
}
