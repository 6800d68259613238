// holds: A file that can't be written keeps nobody waiting for room in the cache: its own writes are told, reads of it and all requests of other files go on, however small the cache is.
// source: kaio
// limit: 60
#include "../check.h"

enum { piece = 128 << 10, size = 1 << 20 };
static unsigned char *buffer;

static int error_of(int (*begin)(struct aiocb *), int file, size_t length, off_t offset) {
    struct aiocb control = request(file, buffer, length, offset);
    OK(begin(&control));
    int error = wait_for(&control, 10);
    ssize_t count = aio_return(&control);
    CHECK(error != 0 || count > 0);
    return error;
}

static int synchronize(int file) {
    struct aiocb control = {.aio_fildes = file};
    OK(aio_fsync(O_SYNC, &control));
    int error = wait_for(&control, 10);
    aio_return(&control);
    return error;
}

static int make(const char *name) {
    char path[PATH_MAX];
    int file = open(path_of(path, name), O_RDWR | O_CREAT | O_DIRECT, 0600);
    CHECK(file >= 0);
    memset(buffer, 1, size);
    EQUAL(pwrite(file, buffer, size, 0), size);
    return file;
}

int main(int argc, char **argv) {
    deadline(50);
    buffer = aligned_buffer(size);
    if (argc > 1 && strcmp(argv[1], "again") == 0) {
        int bad = make("bad"), good = make("good");
        memset(buffer, 2, size);
        int failures = 0;
        for (int i = 0; i < 6; i++) failures += error_of(aio_write, bad, piece, i * piece) == ENOSPC;
        CHECK(failures > 0);
        for (int i = 0; i < 6; i++) EQUAL(error_of(aio_write, good, piece, i * piece), 0);
        for (int i = 0; i < 6; i++) EQUAL(error_of(aio_read, good, piece, i * piece), 0);
        for (int i = 0; i < piece; i++) EQUAL(buffer[i], 2);
        for (int i = 0; i < 6; i++) EQUAL(error_of(aio_read, bad, piece, i * piece), 0);
        EQUAL(synchronize(good), 0);
        EQUAL(synchronize(bad), ENOSPC);
        OK(close(good));
        OK(close(bad));
        return 0;
    }
    char path[PATH_MAX], directory[PATH_MAX], rules[PATH_MAX + 400];
    CHECK(realpath(path_of(path, "."), directory) != NULL);
    static struct child child;
    const char *const limits[] = {"90", "100"}, *const sizes[] = {"64k", "600k"};
    for (int i = 0; i < 4; i++) {
        snprintf(rules, sizeof rules, "KAIO_VFS_PARAMETERS=error_inject:rules=\"write ENOSPC path %s/bad\"; bufio:mode=writeback; bufio:size=%s; bufio:dirty limit=%s",
                 directory, sizes[i / 2], limits[i % 2]);
        run_again(&child, "again", (const char *const[]){"KAIO_VFS_OBJECTS=bufio ordered error_inject aio_linux aio_poll aio_pthread", rules, NULL}, NULL);
        SUCCEEDED(&child);
    }
}
