// holds: If connect_fn fails, its data is freed, it is said on stderr, and the standard stack is used.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=mine ordered aio_linux aio_poll aio_pthread'
// links: -Wl,-z,dynamic-undefined-weak
#include "vfs.h"

static int freed, called;

static void free_data(void *data) { freed += data == &called; }
static int on_connect(kaio_vfs_handle *handle, const char *service) {
    (void)service;
    kaio_vfs_set_data(handle, &called, free_data);
    errno = EACCES;
    return -1;
}
static void on_write(kaio_vfs_handle *handle, kaio_request *request) {
    called++;
    KAIO_VFS_NEXT_AIO_WRITE(handle, request);
}

int main(void) {
    struct kaio_vfs_fns fns = {.connect_fn = on_connect, .aio_write_fn = on_write};
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "mine", &fns));
    struct said said;
    listen_to_stderr(&said);
    check_service();
    stop_listening(&said);
    EQUAL(called, 0);
    EQUAL(freed, 1);
    HAS(said.text, "kaio: KAIO_VFS_OBJECTS: a module of \"mine ordered aio_linux aio_poll aio_pthread\" refuses: "
                   "Permission denied; using \"ordered ");
}
