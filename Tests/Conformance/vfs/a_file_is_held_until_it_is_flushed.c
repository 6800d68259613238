// holds: A module hears of each open file once, has a descriptor for it that the program can't close, and close waits until it has flushed.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=flusher ordered aio_linux aio_poll aio_pthread'
// links: -Wl,-z,dynamic-undefined-weak
#include "vfs.h"

static atomic_int opened, closing, closed;
static int own_fd = -1;
static kaio_file *held;
static char *last_words;

static void on_opened(kaio_vfs_handle *handle, kaio_file *file, int fd) {
    opened++;
    kaio_vfs_set_file_data(handle, file, &opened);
    own_fd = kaio_vfs_file_open(handle, file, NULL, fd, O_RDWR);
    CHECK(own_fd >= 0);
}

static void on_closes(kaio_vfs_handle *handle, kaio_file *file) {
    closing++;
    CHECK(kaio_vfs_file_data(handle, file) == &opened);
    struct kaio_own own = {KAIO_OPERATION_WRITE, own_fd, last_words, 4096, 0, 0, 0};
    kaio_request *request = kaio_vfs_own(handle, NULL, &own);
    CHECK(request);
    kaio_vfs_file_hold(handle, file);
    held = file;
    EQUAL(kaio_vfs_start(handle, request), 0);
}

static void on_own_done(kaio_vfs_handle *handle, kaio_request *own, ssize_t result) {
    EQUAL(kaio_request_operation(own), KAIO_OPERATION_WRITE);
    EQUAL(result, 4096);
    kaio_vfs_file_release(handle, held);
}

static void on_closed(kaio_vfs_handle *handle, kaio_file *file) {
    CHECK(kaio_vfs_file_data(handle, file) == &opened);
    closed++;
}

static void read_from(int file) {
    static char data[512];
    struct aiocb control = request(file, data, sizeof data, 0);
    OK(aio_read(&control));
    EQUAL(FINISH(&control), sizeof data);
}

int main(void) {
    struct kaio_vfs_fns fns = {.file_opened_fn = on_opened, .file_closes_fn = on_closes, .file_closed_fn = on_closed,
                               .own_done_fn = on_own_done};
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "flusher", &fns));
    deadline(20);
    last_words = kaio_vfs_pool_take(4096);
    CHECK(last_words);
    for (int round = 1; round <= 3; round++) {
        int file = scratch_file(0), second;
        write_pattern(file, 8192, 1, 0);
        char path[64];
        snprintf(path, sizeof path, "/proc/self/fd/%d", file);
        second = open(path, O_RDONLY | O_CLOEXEC);
        CHECK(second >= 0);
        read_from(file);
        read_from(second);
        EQUAL(opened, round);
        memset(last_words, round, 4096);
        int mine = own_fd;
        FAILS(close(mine), EBADF);
        FAILS(dup2(file, mine), EBUSY);
        CHECK(fcntl(mine, F_GETFD) & FD_CLOEXEC);
        int outside = dup(file); // not known to the library
        OK(close(file));
        EQUAL(closing, round - 1);
        if (round == 2) EQUAL(dup2(outside, second), second);
        else if (round == 3) closefrom(second > file ? second : file);
        else OK(close(second));
        EQUAL(closing, round);
        EQUAL(closed, round);
        FAILS(fcntl(mine, F_GETFD), EBADF);
        unsigned char byte = 0;
        if (round < 3) {
            EQUAL(pread(outside, &byte, 1, 4095), 1);
            EQUAL(byte, round);
        }
        if (round == 2) OK(close(second));
        if (round < 3) OK(close(outside));
    }
    kaio_vfs_pool_give(last_words, 4096);
}
