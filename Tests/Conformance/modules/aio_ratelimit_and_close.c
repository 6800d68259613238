// holds: A request that waits for its tokens is cancelled when its descriptor is closed, and never gets to the file that has the number next.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=ordered aio_ratelimit aio_linux aio_poll' 'KAIO_VFS_PARAMETERS=aio_ratelimit:write_iops=10'
// limit: 60
#include "../check.h"

int main(void) {
    enum { count = 8, size = 4096 };
    for (int round = 0; round < 3; round++) {
        int file = scratch_file(0), other = scratch_file(0);
        unsigned char *block = aligned_buffer(size);
        struct aiocb controls[count];
        fill(block, size, 1, 0);
        for (int i = 0; i < count; i++) {
            controls[i] = request(file, block, size, (off_t)i * 2 * size);
            OK(aio_write(&controls[i]));
        }
        // The first goes at once; those behind it wait for a tenth of a second and longer.
        EQUAL(FINISH(&controls[0]), size);
        double began = now();
        if (round == 0) {
            OK(close(file));
            EQUAL(dup2(other, file), file);
        } else if (round == 1) {
            EQUAL(dup2(other, file), file);
        } else {
            OK(close_range((unsigned)file, (unsigned)file, 0));
            EQUAL(dup2(other, file), file);
        }
        CHECK(now() - began < 0.2);
        // At once, not when their tokens are there. One or two may have been let through.
        int cancelled = 0;
        for (int i = 1; i < count; i++) {
            int error = aio_error(&controls[i]);
            CHECK(error == 0 || error == EINPROGRESS || error == ECANCELED);
            cancelled += error == ECANCELED;
        }
        CHECK(cancelled >= count - 3);
        for (int i = 1; i < count; i++) CHECK(wait_for(&controls[i], 10) != EINPROGRESS);
        sleep_for(0.3);
        struct stat status;
        OK(fstat(other, &status));
        EQUAL(status.st_size, 0);
        close(other);
        close(file);
        free(block);
    }
}
