// holds: readahead below a module whose own thread, where none may be created, has queued all that it can: the next read of the program starts its thread.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=mine readahead ordered aio_linux aio_poll aio_pthread' 'KAIO_VFS_PARAMETERS=readahead:window=4k; readahead:after=1'
// links: -Wl,-z,dynamic-undefined-weak
#include "../vfs/vfs.h"

enum { size = 4096, count = 100 };
static kaio_vfs_handle *keeper;
static kaio_request *kept;
static int keeps;

static void on_request(kaio_vfs_handle *handle, kaio_request *request) {
    keeper = handle;
    kept = request;
    if (!keeps) EQUAL(KAIO_VFS_NEXT_AIO_READ(handle, request), 0);
}

static void read_at(int file, off_t offset) {
    static unsigned char block[size];
    struct aiocb control = request(file, block, size, offset);
    OK(aio_read(&control));
    if (keeps) EQUAL(KAIO_VFS_NEXT_AIO_READ(keeper, kept), 0);
    EQUAL(FINISH(&control), size);
}

static int is_reading_ahead(void) { return count_threads_named("kaio-readahead"); }

int main(void) {
    struct kaio_vfs_fns fns = {.aio_read_fn = on_request};
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "mine", &fns));
    int file = scratch_file(0), i = 0;
    write_pattern(file, (count + 10) * size, 1, 0);
    for (keeps = 1; i < count; i++) read_at(file, i * size);
    CHECK(!is_reading_ahead());
    keeps = 0;
    read_at(file, i * size);
    for (double end = now() + 5; !is_reading_ahead() && now() < end;) usleep(10000);
    CHECK(is_reading_ahead());
}
