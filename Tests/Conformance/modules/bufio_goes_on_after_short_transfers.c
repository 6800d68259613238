// holds: Where transfers end short below bufio it goes on with the rest, also in the middle of a block: reads give all, and what is written is written whole, in both modes.
// source: kaio
// modes: preloaded
// limit: 60
#include "../vfs/vfs.h"

enum { size = 4096, blocks = 100 };

static _Atomic unsigned int count, shortened;

// Every second transfer ends short, at any multiple of 512: the rest of a read is garbage, that of a write is taken back.
static ssize_t done(kaio_vfs_handle *handle, kaio_request *request, ssize_t result) {
    (void)handle;
    unsigned int number = count++;
    if (result < 1024 || number % 2 == 0) return result;
    ssize_t keep = (ssize_t)(number * 2654435761u % (unsigned)result) & ~511;
    if (keep == 0) keep = 512;
    struct iovec vector[64];
    int is_read = kaio_request_operation(request) == KAIO_OPERATION_READ;
    int parts = kaio_request_iovec(request, vector, 64);
    ssize_t at = 0;
    for (int i = 0; i < parts && is_read; i++) {
        for (size_t j = 0; j < vector[i].iov_len && at < result; j++, at++)
            if (at >= keep) ((char *)vector[i].iov_base)[j] = 99;
    }
    shortened++;
    if (is_read) return keep;
    static char garbage[64 * size];
    off_t end = kaio_request_offset(request) + (off_t)keep;
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", kaio_request_fd(request));
    int file = open(path, O_WRONLY);
    if (file < 0 || pwrite(file, garbage, (size_t)(result - keep), end) != result - keep) _exit(3);
    syscall(SYS_close, file);
    return keep;
}

static void work(void) {
    static const struct kaio_vfs_fns fns = {.aio_done_fn = done};
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "mine", &fns));
    unsigned char *data = aligned_buffer(blocks * size);
    int file = scratch_file(O_DIRECT);
    write_pattern(file, blocks * size, 1, 0);
    // Large and small, aligned and not.
    struct { off_t offset; size_t length; } const parts[] = {{0, 30 * size}, {30 * size + 7, 5 * size}, {36 * size, size}, {40 * size, 60 * size}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct aiocb control = request(file, data, parts[i].length, parts[i].offset);
        OK(aio_read(&control));
        EQUAL(FINISH(&control), parts[i].length);
        VERIFY(data, parts[i].length, 1, (uint64_t)parts[i].offset);
    }
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        fill(data, parts[i].length, 2, (uint64_t)parts[i].offset);
        struct aiocb control = request(file, data, parts[i].length, parts[i].offset);
        OK(aio_write(&control));
        EQUAL(FINISH(&control), parts[i].length);
    }
    struct aiocb control = request(file, NULL, 0, 0);
    OK(aio_fsync(O_SYNC, &control));
    EQUAL(FINISH(&control), 0);
    EQUAL(pread(file, data, blocks * size, 0), blocks * size);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        VERIFY(data + parts[i].offset, parts[i].length, 2, (uint64_t)parts[i].offset);
    VERIFY(data + 37 * size, 3 * size, 1, 37 * size);
    CHECK(shortened >= 3);
}

int main(int argc, char **argv) {
    (void)argv;
    if (argc > 1) {
        work();
        return 0;
    }
    static struct child child;
    for (int i = 0; i < 2; i++) {
        run_again(&child, "work", (const char *[]){
            "KAIO_VFS_OBJECTS=bufio ordered mine aio_linux aio_poll aio_pthread",
            i ? "KAIO_VFS_PARAMETERS=bufio:mode=writeback" : "KAIO_VFS_PARAMETERS=bufio:mode=writethrough", NULL}, NULL);
        SUCCEEDED(&child);
    }
}
