// holds: With bufio:mode=writeback a write is complete when it is in the cache; aio_fsync, close and exit write it out, neighbours in one transfer; a child of a fork has none of it, and O_SYNC waits for the disk.
// source: kaio
// limit: 60
#include "../check.h"

enum { size = 4096 };
static unsigned char *block;

static void put(int file, off_t offset, unsigned char byte) {
    memset(block, byte, size);
    struct aiocb control = request(file, block, size, offset);
    OK(aio_write(&control));
    EQUAL(FINISH(&control), size);
}

static unsigned char look(const char *path, off_t offset) {
    unsigned char byte = 255;
    int file = open(path, O_RDONLY);
    CHECK(file >= 0);
    CHECK(pread(file, &byte, 1, offset) >= 0);
    OK(close(file));
    return byte;
}

static int make(char path[PATH_MAX], const char *name, int flags) {
    int file = open(path_of(path, name), O_RDWR | O_CREAT | O_TRUNC | O_DIRECT | flags, 0600);
    CHECK(file >= 0);
    OK(ftruncate(file, 64 * size));
    return file;
}

static void synchronize(int file) {
    struct aiocb control = request(file, NULL, 0, 0);
    OK(aio_fsync(O_DSYNC, &control));
    EQUAL(FINISH(&control), 0);
}

static void work(void) {
    char path[PATH_MAX], other[PATH_MAX];
    block = aligned_buffer(size);
    int file = make(path, "first", 0);
    for (int i = 0; i < 32; i++) put(file, (i * 7 % 32) * size, 7);
    EQUAL(look(path, 0), 0);
    // In the child of a fork the file is as the disk has it.
    pid_t child = fork();
    if (child == 0) {
        struct aiocb control = request(file, block, size, 0);
        OK(aio_read(&control));
        EQUAL(FINISH(&control), size);
        EQUAL(block[0], 0);
        _exit(0);
    }
    EXITS(child);
    EQUAL(look(path, 0), 0);
    synchronize(file);
    for (int i = 0; i < 32; i++) EQUAL(look(path, i * size), 7);
    // The last of two descriptors writes the rest out; closed behind the library's back it is not lost either.
    put(file, 0, 8);
    int duplicate = dup(file);
    put(duplicate, size, 8);
    OK(close(file));
    EQUAL(look(path, size), 0 + 7);
    OK(close(duplicate));
    EQUAL(look(path, 0), 8);
    EQUAL(look(path, size), 8);
    file = make(other, "second", O_DSYNC);
    put(file, 3 * size, 9);
    EQUAL(look(other, 3 * size), 9);
    OK(close(file));
    // What exit has to write.
    file = make(other, "third", 0);
    for (int i = 0; i < 32; i++) put(file, (31 - i) * size, 11);
    // An end that is no multiple of a sector.
    struct aiocb control = request(file, block, 1001, 64 * size);
    OK(aio_write(&control));
    EQUAL(FINISH(&control), 1001);
    EQUAL(look(other, 31 * size), 0);
}

int main(int argc, char **argv) {
    (void)argv;
    deadline(50);
    if (argc > 1) {
        work();
        return 0;
    }
    static struct child child;
    char statistics[PATH_MAX + 32], path[PATH_MAX], json[8192];
    snprintf(statistics, sizeof statistics, "KAIO_STATS_FILE=%s", path_of(path, "stats"));
    const char *const environment[] = {"KAIO_VFS_OBJECTS=bufio ordered aio_linux", "KAIO_VFS_PARAMETERS=bufio:mode=writeback",
                                       statistics, NULL};
    run_again(&child, "work", environment, NULL);
    SUCCEEDED(&child);
    char third[PATH_MAX];
    path_of(third, "third");
    for (int i = 0; i < 32; i++) EQUAL(look(third, i * size), 11);
    EQUAL(look(third, 64 * size + 1000), 11);
    struct stat status;
    OK(stat(third, &status));
    EQUAL(status.st_size, 64 * size + 1001);
    take_file(path, json, sizeof json);
    // 32 in two transfers or few more, two in one, one for O_DSYNC, 32 and the end.
    CHECK(stat_of(json, "bufio", "write_outs") <= 10);
    EQUAL(stat_of(json, "bufio", "errors"), 0);
    CHECK(stat_of(json, "bufio", "hits") > 0);
}
