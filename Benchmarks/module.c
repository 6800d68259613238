// Modules in C, for the benchmark of what a module costs: `empty` has no function, `passing` has the two of a read, which
// do nothing but hand it on, down and up.

#include <kaio_vfs.h>
#include <stddef.h>

static void on_read(kaio_vfs_handle *handle, kaio_request *request) { KAIO_VFS_NEXT_AIO_READ(handle, request); }

static ssize_t on_done(kaio_vfs_handle *handle, kaio_request *request, ssize_t result) {
    (void)handle, (void)request;
    return result;
}

static const struct kaio_vfs_fns empty, passing = {.aio_read_fn = on_read, .aio_done_fn = on_done};

// Which of the two the object is, the compiler is told.
#ifndef FUNCTIONS
#define FUNCTIONS passing
#define NAME "passing"
#endif

int kaio_module_init(void);
int kaio_module_init(void) { return kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, NAME, &FUNCTIONS); }
