// holds: A module completes a request at once or later, with a result or an error; what is neither is EIO.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=mine ordered aio_linux aio_poll aio_pthread'
// links: -Wl,-z,dynamic-undefined-weak
#include "vfs.h"

static ssize_t answer;
static int keeps;
static struct kept kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void on_read(kaio_vfs_handle *handle, kaio_request *request) {
    if (keeps) return keep(&kept, handle, request);
    memset(kaio_request_buffer(request), 'x', kaio_request_length(request));
    EQUAL(kaio_vfs_complete(handle, request, answer), 0);
}

int main(void) {
    struct kaio_vfs_fns fns = {.aio_read_fn = on_read};
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "mine", &fns));
    char buffer[4];
    struct aiocb control = request(scratch_file(0), buffer, 4, 0);
    static const struct { ssize_t result; int error; } cases[] = {
        {4, 0}, {0, 0}, {3, 0}, {-EIO, EIO}, {-ENOSPC, ENOSPC}, {-1, EPERM}, {5, EIO}, {-5000, EIO},
        {-EINPROGRESS, EIO}, {KAIO_VFS_KEEP, EIO}};
    for (keeps = 0; keeps < 2; keeps++)
        for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
            memset(buffer, 0, 4);
            answer = cases[i].result;
            OK(aio_read(&control));
            if (keeps) {
                sleep_for(0.002);
                EQUAL(aio_error(&control), EINPROGRESS);
                EQUAL(kaio_vfs_complete(kept.handle, take_kept(&kept), answer), 0);
                EQUAL(aio_error(&control), cases[i].error);
            } else {
                EQUAL(aio_error(&control), cases[i].error);
                CHECK(memcmp(buffer, "xxxx", 4) == 0);
            }
            EQUAL(aio_return(&control), cases[i].error ? -1 : answer);
        }
}
