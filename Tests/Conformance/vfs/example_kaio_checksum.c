// holds: The example's module fails a read of a block that was changed behind the program's back, and no other.
// source: kaio
// limit: 60
#include "vfs.h"

enum { size = 8 * 4096 };

static int read_is(int file, size_t offset, size_t count) {
    static unsigned char buffer[size];
    struct aiocb control = request(file, buffer, count, (off_t)offset);
    OK(aio_read(&control));
    int error = wait_for(&control, 10);
    if (error == 0) EQUAL(aio_return(&control), count);
    return error;
}

static void write_block(int file, size_t offset, size_t count, int seed) {
    static unsigned char buffer[size];
    fill(buffer, count, (uint64_t)seed, offset);
    struct aiocb control = request(file, buffer, count, (off_t)offset);
    OK(aio_write(&control));
    EQUAL(FINISH(&control), count);
}

static void work(void) {
    int file = scratch_file(0);
    write_pattern(file, size, 1, 0);
    // Nothing is known of what others wrote.
    EQUAL(read_is(file, 0, size), 0);
    write_block(file, 0, size, 2);
    EQUAL(read_is(file, 0, size), 0);
    EQUAL(read_is(file, 100, 5000), 0);
    EQUAL(pwrite(file, "x", 1, 5 * 4096 + 7), 1);
    EQUAL(read_is(file, 0, size), EIO);
    EQUAL(read_is(file, 5 * 4096, 4096), EIO);
    EQUAL(read_is(file, 5 * 4096 - 1, 4098), EIO);
    EQUAL(read_is(file, 0, 5 * 4096), 0);
    EQUAL(read_is(file, 6 * 4096, 2 * 4096), 0);
    // A part of a block is not checked; one that is written in part is forgotten, a whole one is known again.
    EQUAL(read_is(file, 5 * 4096, 4095), 0);
    write_block(file, 5 * 4096 + 10, 100, 3);
    EQUAL(read_is(file, 0, size), 0);
    write_block(file, 5 * 4096, 4096, 4);
    EQUAL(read_is(file, 0, size), 0);
    EQUAL(pwrite(file, "x", 1, 5 * 4096 + 7), 1);
    EQUAL(read_is(file, 0, size), EIO);
}

int main(int count, char **arguments) {
    if (count > 1 && strcmp(arguments[1], "work") == 0) {
        work();
        return 0;
    }
    char path[PATH_MAX], directory[PATH_MAX], variable[2 * PATH_MAX];
    source_path(path, "Examples/module/kaio_checksum.c");
    compile_file("kaio_checksum", path);
    CHECK(realpath(path_of(path, "."), directory));
    snprintf(variable, sizeof variable, "KAIO_MODULE_DIR=%s", directory);
    const char *const environment[] = {"KAIO_VFS_OBJECTS=ordered kaio_checksum aio_linux aio_poll aio_pthread",
                                       variable, "KAIO_VFS_PARAMETERS=kaio_checksum:blocks = 1000", NULL};
    static struct child child;
    run_again(&child, "work", environment, NULL);
    SUCCEEDED(&child);
}
