// holds: A read that a module keeps, and passes on within a later call when its number is another file's, reads nothing of that.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=mine aio_linux aio_poll aio_pthread'
// links: -Wl,-z,dynamic-undefined-weak
#include "vfs.h"

static kaio_request *first;

static void on_request(kaio_vfs_handle *handle, kaio_request *request) {
    if (!first) first = request;
    else {
        kaio_vfs_complete(handle, request, 0);
        EQUAL(KAIO_VFS_NEXT_AIO_READ(handle, first), 0);
    }
}

int main(void) {
    enum { size = 512 };
    struct kaio_vfs_fns fns = {.aio_read_fn = on_request};
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "mine", &fns));
    int file = scratch_file(0), other = scratch_file(0), kept = dup(file);
    write_pattern(file, size, 1, 0);
    write_pattern(other, size, 2, 0);
    unsigned char blocks[2][size] = {{0}}, nothing[size] = {0};
    struct aiocb read = request(file, blocks[0], size, 0), later = request(kept, blocks[1], size, 0);
    OK(aio_read(&read));
    EQUAL(syscall(SYS_close, file), 0);
    EQUAL(dup(other), file);
    OK(aio_read(&later));
    EQUAL(FINISH(&later), 0);
    FINISHES_WITH(&read, ECANCELED);
    EQUAL(memcmp(blocks[0], nothing, size), 0);
}
