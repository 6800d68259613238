// A module that has every third transfer end short: what was read or written beyond the half of it does not count.
#include <kaio_vfs.h>
#include <stdatomic.h>

static ssize_t done(kaio_vfs_handle *handle, kaio_request *request, ssize_t result) {
    static atomic_int count;
    (void)handle, (void)request;
    return result > 1 && atomic_fetch_add(&count, 1) % 3 == 0 ? result / 2 : result;
}

__attribute__((constructor)) static void announce(void) {
    static const struct kaio_vfs_fns fns = {.aio_done_fn = done};
    kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "short", &fns);
}
