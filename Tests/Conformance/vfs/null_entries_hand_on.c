// holds: A module all of whose entries are null hands every request on; so does one that only looks at completions.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=nothing looks ordered aio_linux aio_poll aio_pthread'
// links: -Wl,-z,dynamic-undefined-weak
#include "vfs.h"

static atomic_int seen;

static ssize_t done(kaio_vfs_handle *handle, kaio_request *request, ssize_t result) {
    (void)handle, (void)request;
    atomic_fetch_add(&seen, 1);
    return result;
}

int main(void) {
    struct kaio_vfs_fns nothing = {0}, looks = {.aio_done_fn = done};
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "nothing", &nothing));
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "looks", &looks));
    check_service();
    int file = scratch_file(0);
    struct aiocb control = request(file, "abc", 3, 0);
    OK(aio_write(&control));
    EQUAL(FINISH(&control), 3);
    OK(aio_fsync(O_SYNC, &control));
    EQUAL(FINISH(&control), 0);
    OK(aio_fsync(O_DSYNC, &control));
    EQUAL(FINISH(&control), 0);
    char buffer[3];
    control = request(file, buffer, 3, 0);
    OK(aio_read(&control));
    EQUAL(FINISH(&control), 3);
    CHECK(memcmp(buffer, "abc", 3) == 0);
    EQUAL(seen, 6);
}
