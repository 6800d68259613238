// holds: bufio tells each error: a read's and a write-through write's by itself; a write-back one's by the next aio_fsync, and the block stays and is tried again, also where a write on a descriptor with O_DSYNC fails for the same block; who waits for room is told, and does not hang.
// source: kaio
// limit: 120
#include "../check.h"
#include <sys/resource.h>

enum { size = 4096 };
static unsigned char *block;
static int file;

static int transfer(int is_write, off_t offset) {
    struct aiocb control = request(file, block, size, offset);
    OK(is_write ? aio_write(&control) : aio_read(&control));
    int error = wait_for(&control, 20);
    EQUAL(aio_return(&control), error ? -1 : size);
    return error;
}

static int synchronize(void) {
    struct aiocb control = request(file, NULL, 0, 0);
    OK(aio_fsync(O_SYNC, &control));
    int error = wait_for(&control, 20);
    aio_return(&control);
    return error;
}

static unsigned char on_disk(off_t offset) {
    char path[64];
    unsigned char byte;
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    int other = open(path, O_RDONLY);
    EQUAL(pread(other, &byte, 1, offset), 1);
    OK(close(other));
    return byte;
}

static void begin(int blocks) {
    file = scratch_file(O_DIRECT);
    block = aligned_buffer(size);
    for (int i = 0; i < blocks; i++) {
        fill(block, size, 1, (uint64_t)i * size);
        EQUAL(pwrite(file, block, size, i * size), size);
    }
}

static void through(void) {
    begin(8);
    // The first two reads and the first write fail.
    EQUAL(transfer(0, 0), EIO);
    EQUAL(transfer(0, 0), 0);
    VERIFY(block, size, 1, 0);
    memset(block, 77, size);
    EQUAL(transfer(1, 0), ENOSPC);
    // What could not be written is not kept either.
    EQUAL(transfer(0, 0), 0);
    VERIFY(block, size, 1, 0);
    memset(block, 77, size);
    EQUAL(transfer(1, 0), 0);
    EQUAL(on_disk(0), 77);
    EQUAL(synchronize(), 0);
}

static void back(void) {
    begin(8);
    memset(block, 77, size);
    EQUAL(transfer(1, 0), 0);
    EQUAL(on_disk(0), pattern_byte(1, 0));
    EQUAL(synchronize(), ENOSPC);
    EQUAL(on_disk(0), pattern_byte(1, 0));
    memset(block, 0, size);
    EQUAL(transfer(0, 0), 0);
    EQUAL(block[9], 77);
    EQUAL(synchronize(), 0);
    EQUAL(on_disk(0), 77);
}

// A write of other bytes of a block fails: what was reported as written before stays, and aio_fsync does not say that all is well.
static void beside(void) {
    begin(8);
    memset(block, 77, size);
    struct aiocb control = request(file, block, 512, 0);
    OK(aio_write(&control));
    EQUAL(FINISH(&control), 512);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    int other = open(path, O_WRONLY | O_DIRECT | O_DSYNC);
    CHECK(other >= 0);
    control = request(other, block, 512, 1024);
    OK(aio_write(&control));
    FINISHES_WITH(&control, ENOSPC);
    memset(block, 0, size);
    EQUAL(transfer(0, 0), 0);
    EQUAL(block[511], 77);
    EQUAL(synchronize(), ENOSPC);
    EQUAL(synchronize(), 0);
    EQUAL(on_disk(511), 77);
    OK(close(other));
}

// A write beyond the largest file that the process may have, though the file is larger, is refused or done in part, as without a cache.
static void limited(void) {
    begin(8);
    struct rlimit limit = {size, RLIM_INFINITY};
    OK(setrlimit(RLIMIT_FSIZE, &limit));
    // For longer than a tick of the clock.
    sleep_for(0.05);
    memset(block, 77, size);
    EQUAL(transfer(1, 2 * size), EFBIG);
    unsigned char *two = aligned_buffer(2 * size);
    memset(two, 78, 2 * size);
    struct aiocb control = request(file, two, 2 * size, 0);
    OK(aio_write(&control));
    EQUAL(FINISH(&control), size);
    EQUAL(transfer(1, 0), 0);
    EQUAL(synchronize(), 0);
    EQUAL(on_disk(0), 77);
    EQUAL(on_disk(2 * size), pattern_byte(1, 2 * size));
}

// No write succeeds, and the cache is small.
static void full(void) {
    begin(200);
    memset(block, 77, size);
    int failures = 0;
    for (int i = 0; i < 200; i++) {
        int error = transfer(1, i * size);
        if (error) {
            EQUAL(error, ENOSPC);
            failures++;
        }
    }
    CHECK(failures > 100);
    EQUAL(synchronize(), ENOSPC);
    // A read that needs a block's place can't be served; it is told, too.
    int error = transfer(0, 150 * size);
    CHECK(error == 0 || error == ENOSPC);
    close(file);
}

int main(int argc, char **argv) {
    deadline(100);
    if (argc > 1) {
        if (strcmp(argv[1], "through") == 0) through();
        if (strcmp(argv[1], "back") == 0) back();
        if (strcmp(argv[1], "beside") == 0) beside();
        if (strcmp(argv[1], "limited") == 0) limited();
        if (strcmp(argv[1], "full") == 0) full();
        return 0;
    }
    static struct child child;
    const char *objects = "KAIO_VFS_OBJECTS=bufio ordered error_inject aio_linux aio_poll aio_pthread";
    run_again(&child, "through", (const char *const[]){objects, "KAIO_VFS_PARAMETERS=error_inject:rules=\"read EIO nth 1; write ENOSPC nth 1\"", NULL}, NULL);
    SUCCEEDED(&child);
    run_again(&child, "back", (const char *const[]){objects, "KAIO_VFS_PARAMETERS=error_inject:rules=\"write ENOSPC nth 1\"; bufio:mode=writeback", NULL}, NULL);
    SUCCEEDED(&child);
    EQUAL(count_lines(child.errors, "bufio", "ENOSPC"), 1);
    SUCCEEDED(&child);
    run_again(&child, "beside", (const char *const[]){objects, "KAIO_VFS_PARAMETERS=error_inject:rules=\"write ENOSPC nth 1\"; bufio:mode=writeback", NULL}, NULL);
    SUCCEEDED(&child);
    for (int i = 0; i < 2; i++) {
        run_again(&child, "limited", (const char *const[]){"KAIO_VFS_OBJECTS=bufio ordered aio_linux aio_poll aio_pthread",
            i ? "KAIO_VFS_PARAMETERS=bufio:mode=writeback" : "KAIO_VFS_PARAMETERS=bufio:mode=writethrough", NULL}, NULL);
        SUCCEEDED(&child);
    }
    run_again(&child, "full", (const char *const[]){objects, "KAIO_VFS_PARAMETERS=error_inject:rules=\"write ENOSPC\"; bufio:mode=writeback; bufio:size=128k", NULL}, NULL);
    SUCCEEDED(&child);
    CHECK(count_lines(child.errors, "bufio", "are lost") >= 1);
}
