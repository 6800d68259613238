// holds: 10,000 overlapping requests that a module lets through one after the other take no more stack than one.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=chain now ordered aio_linux aio_poll aio_pthread'
// links: -Wl,-z,dynamic-undefined-weak
#include "vfs.h"

enum { count = 10000 };
static struct kept kept = {.lock = PTHREAD_MUTEX_INITIALIZER};
static int isOpen, done_count;

static void on_request(kaio_vfs_handle *handle, kaio_request *request) {
    if (isOpen) KAIO_VFS_NEXT_AIO_WRITE(handle, request);
    else keep(&kept, handle, request);
}

// Each lets the next one go.
static ssize_t on_done(kaio_vfs_handle *handle, kaio_request *request, ssize_t result) {
    (void)request;
    kaio_request *next = take_kept(&kept);
    done_count++;
    if (next) EQUAL(KAIO_VFS_NEXT_AIO_WRITE(handle, next), 0);
    return result;
}

// Below: completed in the call, or passed on.
static int isReal;
static void now_fn(kaio_vfs_handle *handle, kaio_request *request) {
    if (isReal) KAIO_VFS_NEXT_AIO_WRITE(handle, request);
    else kaio_vfs_complete(handle, request, (ssize_t)kaio_request_length(request));
}

static void *begin(void *argument) {
    EQUAL(KAIO_VFS_NEXT_AIO_WRITE(kept.handle, take_kept(&kept)), 0);
    return argument;
}

int main(void) {
    struct kaio_vfs_fns fns = {.aio_write_fn = on_request, .aio_done_fn = on_done}, now = {.aio_write_fn = now_fn};
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "chain", &fns));
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "now", &now));
    deadline(18);
    int file = scratch_file(0);
    static struct aiocb controls[count];
    static unsigned char data[count][8];
    for (isReal = 0; isReal < 2; isReal++) {
        done_count = 0;
        for (int i = 0; i < count; i++) {
            memcpy(data[i], &i, sizeof i);
            controls[i] = request(file, data[i], 8, 0);
            OK(aio_write(&controls[i]));
        }
        pthread_attr_t attributes;
        pthread_t thread;
        OK(pthread_attr_init(&attributes));
        OK(pthread_attr_setstacksize(&attributes, 128 << 10));
        OK(pthread_create(&thread, &attributes, begin, NULL));
        OK(pthread_join(thread, NULL));
        if (!isReal) EQUAL(done_count, count);
        for (int i = 0; i < count; i++) EQUAL(FINISH(&controls[i]), 8);
        EQUAL(done_count, count);
    }
    int last = 0;
    EQUAL(pread(file, &last, sizeof last, 0), sizeof last);
    EQUAL(last, count - 1);
    // Without the chain: ordered has them in a row.
    isOpen = 1;
    isReal = 1;
    for (int i = 0; i < count; i++) OK(aio_write(&controls[i]));
    for (int i = 0; i < count; i++) EQUAL(FINISH(&controls[i]), 8);
}
