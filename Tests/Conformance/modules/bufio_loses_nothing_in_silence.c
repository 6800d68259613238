// holds: With errors, delays and full disks at random below bufio, in both modes: what a write reported is what reads find, and what the file has once an aio_fsync succeeds, however many writes, reads and syncs of others failed.
// source: kaio
// limit: 120
#include "../check.h"

enum { length = 256 << 10, depth = 8, largest = 40000, rounds = 100 };

// What each byte must be, by the writes that succeeded; -1 where one failed that may have changed it.
static short expected[length];
static uint64_t seed = 12345;
static uint64_t number(uint64_t below) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % below;
}

static void compare(const unsigned char *bytes, off_t offset, size_t count, const char *where) {
    for (size_t i = 0; i < count; i++) {
        short wanted = expected[(size_t)offset + i];
        if (wanted >= 0 && bytes[i] != wanted)
            failed(__FILE__, __LINE__, "%s: byte %zu is %d, and %d was written", where, (size_t)offset + i, bytes[i], wanted);
    }
}

static void work(void) {
    static unsigned char bytes[length];
    char path[PATH_MAX];
    int plain = open(path_of(path, "data"), O_RDWR | O_CREAT | O_TRUNC, 0600);
    EQUAL(pwrite(plain, bytes, length, 0), length);
    const int flags[] = {O_RDWR | O_DIRECT, O_WRONLY | O_DIRECT, O_RDWR | O_DIRECT | O_DSYNC};
    int files[3];
    for (int i = 0; i < 3; i++) CHECK((files[i] = open(path, flags[i])) >= 0);
    struct aiocb controls[depth];
    unsigned char *buffers[depth];
    for (int i = 0; i < depth; i++) buffers[i] = aligned_buffer(largest);
    int failures = 0, synced = 0;
    for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < depth; i++) {
            size_t size = 1 + number(number(3) ? 5000 : largest);
            off_t offset = (off_t)number(length - size);
            if (number(3) == 0) {
                size = (size + 4095) & ~4095ul;
                offset &= ~4095;
                if (size > largest) size = 4096;
            }
            memset(buffers[i], (int)number(256), size);
            controls[i] = request(files[number(4) ? number(2) : 2], buffers[i], size, offset);
            OK(aio_write(&controls[i]));
        }
        for (int i = 0; i < depth; i++) {
            int error = wait_for(&controls[i], 20);
            CHECK(error != EINPROGRESS);
            ssize_t count = aio_return(&controls[i]);
            if (count < (ssize_t)controls[i].aio_nbytes) failures++;
            for (size_t at = 0; at < controls[i].aio_nbytes; at++)
                expected[(size_t)controls[i].aio_offset + at] = (ssize_t)at < count ? buffers[i][0] : -1;
        }
        // A read that succeeds is right.
        size_t size = 1 + number(largest);
        off_t offset = (off_t)number(length - size);
        struct aiocb control = request(files[0], buffers[0], size, offset);
        OK(aio_read(&control));
        int error = wait_for(&control, 20);
        ssize_t count = aio_return(&control);
        CHECK(error == 0 || error == EIO);
        if (count > 0) compare(buffers[0], offset, (size_t)count, "a read");
        if (number(3)) continue;
        control = request(files[number(3)], NULL, 0, 0);
        OK(aio_fsync(O_DSYNC, &control));
        error = wait_for(&control, 20);
        CHECK(error != EINPROGRESS);
        aio_return(&control);
        if (error != 0) continue;
        EQUAL(pread(plain, bytes, length, 0), length);
        compare(bytes, 0, length, "the file after an aio_fsync that succeeded");
        synced++;
    }
    CHECK(failures > 0 && synced > 3);
}

int main(int argc, char **argv) {
    deadline(110);
    if (argc > 1 && strcmp(argv[1], "again") == 0) {
        work();
        return 0;
    }
    static struct child child;
    static const char *const caches[] = {
        "bufio:size=64k", "bufio:size=1M; bufio:block=512", "bufio:mode=writeback; bufio:size=1M", "bufio:mode=writeback; bufio:size=64k",
        "bufio:mode=writeback; bufio:size=300k; bufio:block=512; bufio:dirty=10; bufio:dirty limit=20",
        "bufio:mode=writeback; bufio:size=2M; bufio:block=16k",
    };
    for (size_t i = 0; i < sizeof caches / sizeof *caches; i++) {
        char parameters[512];
        snprintf(parameters, sizeof parameters,
                 "KAIO_VFS_PARAMETERS=error_inject:rules=\"write EIO 5%%; write ENOSPC 5%%; read EIO 5%%; fsync EIO 10%%\"; error_inject:seed=%zu; "
                 "delay_inject:minimum=0; delay_inject:maximum=2ms; bufio:validate=0; %s", i + 1, caches[i]);
        run_again(&child, "again", (const char *const[]){"KAIO_VFS_OBJECTS=bufio ordered error_inject delay_inject aio_linux aio_poll aio_pthread", parameters, NULL}, NULL);
        if (child.status) fprintf(stderr, "%s\n", caches[i]);
        SUCCEEDED(&child);
    }
}
