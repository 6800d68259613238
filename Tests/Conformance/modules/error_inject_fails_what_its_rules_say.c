// holds: error_inject fails the requests that its rules name, with the rule's error, and leaves the file as it is.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=ordered error_inject aio_linux aio_poll' 'KAIO_VFS_PARAMETERS=error_inject:rules="write ENOSPC after 5; read EIO range 1M-2M; fsync 121 nth 3; read EINTR every 7 range 4M-5M"'
#include "../check.h"

enum { size = 4096, mebi = 1 << 20 };

int main(void) {
    int file = scratch_file(0);
    write_pattern(file, 5 * mebi, 1, 0);
    unsigned char *block = aligned_buffer(size), *wide = aligned_buffer(mebi);
    for (int i = 1; i <= 10; i++) {
        fill(block, size, 2, i * size);
        struct aiocb control = request(file, block, size, i * size);
        OK(aio_write(&control));
        if (i <= 5) EQUAL(FINISH(&control), size);
        else FINISHES_WITH(&control, ENOSPC);
        EQUAL(pread(file, block, size, i * size), size);
        VERIFY(block, size, i <= 5 ? 2 : 1, i * size);
    }
    // Each: an offset, a length, and whether they overlap the range.
    const struct { off_t offset; size_t length; int hit; } reads[] = {
        {0, size, 0}, {mebi - size, size, 0}, {mebi - 1, 2, 1}, {mebi, size, 1}, {2 * mebi - 1, 1, 1},
        {2 * mebi, size, 0}, {mebi / 2, mebi, 1}};
    for (size_t i = 0; i < sizeof reads / sizeof *reads; i++) {
        memset(wide, 0xee, mebi);
        struct aiocb control = request(file, wide, reads[i].length, reads[i].offset);
        OK(aio_read(&control));
        if (reads[i].hit) {
            FINISHES_WITH(&control, EIO);
            EQUAL(wide[0], 0xee);
        } else {
            EQUAL(FINISH(&control), reads[i].length);
        }
    }
    for (int i = 1; i <= 5; i++) {
        struct aiocb control = request(file, NULL, 0, 0);
        OK(aio_fsync(i % 2 ? O_SYNC : O_DSYNC, &control));
        if (i == 3) FINISHES_WITH(&control, 121);
        else EQUAL(FINISH(&control), 0);
    }
    for (int i = 1; i <= 21; i++) {
        struct aiocb control = request(file, block, size, 4 * mebi);
        OK(aio_read(&control));
        if (i % 7 == 0) FINISHES_WITH(&control, EINTR);
        else EQUAL(FINISH(&control), size);
    }
    // The child of a fork counts from 1.
    pid_t child = fork();
    if (child == 0) {
        for (int i = 1; i <= 6; i++) {
            struct aiocb control = request(file, block, size, 0);
            OK(aio_write(&control));
            EQUAL(wait_for(&control, 10), i <= 5 ? 0 : ENOSPC);
        }
        _exit(0);
    }
    EXITS(child);
}
