// holds: A request is shown to its function as the program made it, and NEXT in the call passes it on.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=mine ordered aio_linux aio_poll aio_pthread'
// links: -Wl,-z,dynamic-undefined-weak
#include "vfs.h"
#include "../../../include/kaio.h"

static struct {
    enum kaio_operation operation;
    int fd, buffers, names;
    size_t length;
    off_t offset;
    void *buffer;
    struct iovec vector[2];
    char path[256];
} seen;

static void look(kaio_request *request) {
    memset(&seen, 0, sizeof seen);
    seen.operation = kaio_request_operation(request);
    seen.fd = kaio_request_fd(request);
    seen.length = kaio_request_length(request);
    seen.offset = kaio_request_offset(request);
    seen.buffer = kaio_request_buffer(request);
    seen.buffers = kaio_request_iovec(request, seen.vector, 2);
    EQUAL(kaio_request_path(request, seen.path, 3), -1);
    EQUAL(errno, ERANGE);
    seen.names = kaio_request_path(request, seen.path, sizeof seen.path);
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    // All but those that can't be, and those that the thread raises itself.
    static const int open[] = {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};
    for (int i = 1; i < 32; i++) {
        int is_open = 0;
        for (size_t j = 0; j < sizeof open / sizeof *open; j++) is_open |= i == open[j];
        CHECK(is_open || sigismember(&mask, i));
    }
    errno = EDOM;
}

static void on_read(kaio_vfs_handle *handle, kaio_request *request) {
    look(request);
    EQUAL(KAIO_VFS_NEXT_AIO_READ(handle, request), 0);
}
static void on_write(kaio_vfs_handle *handle, kaio_request *request) {
    look(request);
    EQUAL(KAIO_VFS_NEXT_AIO_WRITE(handle, request), 0);
}
static void on_fsync(kaio_vfs_handle *handle, kaio_request *request) {
    look(request);
    EQUAL(KAIO_VFS_NEXT_AIO_FSYNC(handle, request), 0);
}

int main(void) {
    struct kaio_vfs_fns fns = {.aio_read_fn = on_read, .aio_write_fn = on_write, .aio_fsync_fn = on_fsync};
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "mine", &fns));
    char path[PATH_MAX], real[PATH_MAX], buffer[] = "12345678";
    int file = open(path_of(path, "file"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(file >= 0 && realpath(path, real));
    struct aiocb control = request(file, buffer, 8, 5);
    errno = 0;
    OK(aio_write(&control));
    EQUAL(errno, 0);
    EQUAL(FINISH(&control), 8);
    EQUAL(seen.operation, KAIO_OPERATION_WRITE);
    EQUAL(seen.fd, file);
    EQUAL(seen.length, 8);
    EQUAL(seen.offset, 5);
    CHECK(seen.buffer == buffer && seen.buffers == 1 && seen.vector[0].iov_base == buffer);
    EQUAL(seen.vector[0].iov_len, 8);
    CHECK(strcmp(seen.path, real) == 0);
    EQUAL(seen.names, strlen(real));

    OK(aio_fsync(O_SYNC, &control));
    EQUAL(FINISH(&control), 0);
    EQUAL(seen.operation, KAIO_OPERATION_FSYNC);
    OK(aio_fsync(O_DSYNC, &control));
    EQUAL(FINISH(&control), 0);
    EQUAL(seen.operation, KAIO_OPERATION_FDATASYNC);

    char one[3], two[5];
    struct iovec vector[2] = {{one, 3}, {two, 5}};
    struct aiocb several = request(file, NULL, 0, 5);
    several.aio_iov = vector;
    several.aio_iovcnt = 2;
    __typeof__(aio_readv) *readv_function = (__typeof__(aio_readv) *)dlsym(RTLD_DEFAULT, "aio_readv");
    OK(readv_function(&several));
    EQUAL(FINISH(&several), 8);
    CHECK(memcmp(one, "123", 3) == 0 && memcmp(two, "45678", 5) == 0);
    EQUAL(seen.operation, KAIO_OPERATION_READ);
    EQUAL(seen.length, 8);
    CHECK(!seen.buffer && seen.buffers == 2 && seen.vector[1].iov_base == two);
}
