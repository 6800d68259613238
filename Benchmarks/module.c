// A module in C, for the benchmark of what a module costs. `passing` has the two functions of a read, which do nothing but
// hand it on, down and up; `empty`, which this is with -DEMPTY, has none.

#include <kaio_vfs.h>

#ifdef EMPTY
#define NAME "empty"
static const struct kaio_vfs_fns functions = {0};
#else
#define NAME "passing"

static void on_read(kaio_vfs_handle *handle, kaio_request *request) { KAIO_VFS_NEXT_AIO_READ(handle, request); }

static ssize_t on_done(kaio_vfs_handle *handle, kaio_request *request, ssize_t result) {
    (void)handle, (void)request;
    return result;
}

static const struct kaio_vfs_fns functions = {.aio_read_fn = on_read, .aio_done_fn = on_done};
#endif

int kaio_module_init(void);
int kaio_module_init(void) { return kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, NAME, &functions); }
