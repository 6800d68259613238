// A module that has every third transfer end short: half of it is taken back, and does not count.
#include <fcntl.h>
#include <kaio_vfs.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

static ssize_t done(kaio_vfs_handle *handle, kaio_request *request, ssize_t result) {
    static atomic_int count;
    static const char zeroes[1 << 16];
    (void)handle;
    if (result < 2 || result > (ssize_t)sizeof zeroes || atomic_fetch_add(&count, 1) % 3 != 0) return result;
    size_t half = (size_t)result / 2, rest = (size_t)result - half;
    if (kaio_request_operation(request) == KAIO_OPERATION_READ) {
        memset((char *)kaio_request_buffer(request) + half, 0, rest);
        return (ssize_t)half;
    }
    off_t end = kaio_request_offset(request) + (off_t)half;
    return pwrite(kaio_request_fd(request), zeroes, rest, end) == (ssize_t)rest ? (ssize_t)half : result;
}

__attribute__((constructor)) static void announce(void) {
    static const struct kaio_vfs_fns fns = {.aio_done_fn = done};
    kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "short", &fns);
}
