// holds: kaio_vfs_request_data is a place for each request of each handle, null at first, until the request ends.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=mine mine ordered aio_linux aio_poll aio_pthread'
// links: -Wl,-z,dynamic-undefined-weak
#include "vfs.h"

static atomic_long next_number, sum, finished;

static kaio_vfs_handle *lower;

// The lower one of the two is the last.
static int on_connect(kaio_vfs_handle *handle, const char *service) {
    lower = handle;
    return KAIO_VFS_NEXT_CONNECT(handle, service);
}

static void on_read(kaio_vfs_handle *handle, kaio_request *request) {
    void **data = kaio_vfs_request_data(handle, request);
    CHECK(data && !*data);
    // The other place has not seen it yet.
    if (handle != lower) {
        CHECK(kaio_vfs_request_data(lower, request) == NULL);
        EQUAL(kaio_vfs_complete(lower, request, 0), -1);
    }
    *data = (void *)(atomic_fetch_add(&next_number, 1) + 1);
    KAIO_VFS_NEXT_AIO_READ(handle, request);
}

static ssize_t on_done(kaio_vfs_handle *handle, kaio_request *request, ssize_t result) {
    void **data = kaio_vfs_request_data(handle, request);
    CHECK(data && *data);
    atomic_fetch_add(&sum, (long)*data);
    atomic_fetch_add(&finished, 1);
    return result;
}

int main(void) {
    enum { count = 500 };
    struct kaio_vfs_fns fns = {.connect_fn = on_connect, .aio_read_fn = on_read, .aio_done_fn = on_done};
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "mine", &fns));
    int file = scratch_file(0);
    write_pattern(file, count * 4096, 1, 0);
    static struct aiocb controls[count];
    static unsigned char data[count][4096];
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < count; i++) {
            controls[i] = request(file, data[i], 4096, i * 4096);
            OK(aio_read(&controls[i]));
        }
        for (int i = 0; i < count; i++) EQUAL(FINISH(&controls[i]), 4096);
    }
    long all = 4 * count * 2;
    EQUAL(finished, all);
    EQUAL(sum, all * (all + 1) / 2);
}
