// holds: Requests beyond the limit wait in order, are really cancelled, and those behind move up.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=ordered aio_ratelimit aio_linux aio_poll' 'KAIO_VFS_PARAMETERS=aio_ratelimit:write_iops=50; aio_ratelimit:read_bytes=1M'
// limit: 60
#include "../check.h"

enum { count = 30, size = 4096 };

// Returns how long those took that were not cancelled.
static double run(int file, unsigned char *blocks, unsigned char *wide) {
    struct aiocb controls[count];
    fill(blocks, count * size, 2, 0);
    double began = now();
    for (int i = 0; i < count; i++) {
        controls[i] = request(file, blocks + i * size, size, (off_t)i * 2 * size);
        OK(aio_write(&controls[i]));
    }
    CHECK(now() - began < 0.2);
    // The last ten are taken out of the queue, and three in the middle.
    for (int i = count - 10; i < count; i++) EQUAL(aio_cancel(file, &controls[i]), AIO_CANCELED);
    for (int i = 10; i < 13; i++) EQUAL(aio_cancel(file, &controls[i]), AIO_CANCELED);
    for (int done = 0; done < count - 10;) {
        int seen = 0, errors[count];
        // From the last to the first: what is done by then was done before what is not.
        for (int i = count - 11; i >= 0; i--) errors[i] = aio_error(&controls[i]);
        for (int i = 0; i < count - 10; i++) {
            int isCancelled = i >= 10 && i < 13;
            if (isCancelled) EQUAL(errors[i], ECANCELED);
            else if (errors[i] != EINPROGRESS) EQUAL(errors[i], 0);
            if (errors[i] != EINPROGRESS) seen++;
        }
        int last = -1;
        for (int i = 0; i < count - 10; i++) if (errors[i] == 0) last = i;
        // The kernel may turn neighbours round.
        for (int i = 0; i < last - 2; i++) CHECK(errors[i] != EINPROGRESS);
        done = seen;
        sleep_for(0.005);
    }
    double took = now() - began;
    for (int i = 0; i < count; i++) {
        int isCancelled = i >= 20 || (i >= 10 && i < 13);
        EQUAL(aio_return(&controls[i]), isCancelled ? -1 : size);
        EQUAL(pread(file, wide, size, (off_t)i * 2 * size), size);
        VERIFY(wide, size, isCancelled ? 1 : 2, isCancelled ? i * 2 * size : i * size);
    }
    return took;
}

int main(void) {
    int file = scratch_file(O_DIRECT);
    unsigned char *blocks = aligned_buffer(count * size), *wide = aligned_buffer(4 << 20);
    write_pattern(file, 4 << 20, 1, 0);
    double took = 0, began;
    // 17 of them, at 50 in a second, the first at once. On a busy machine this thread is late: once in five it is not.
    for (int tries = 0; tries < 5 && (took == 0 || took > 0.45); tries++) {
        took = run(file, blocks, wide);
        if (took < 0.31) break;
        sleep_for(0.05);
    }
    if (took < 0.31 || took > 0.45) failed(__FILE__, __LINE__, "%g s", took);
    // Where the first of the queue goes, the next one takes its place: four seconds of debt, then one that waits.
    struct aiocb large = request(file, wide, 1 << 20, 0), first = request(file, wide + (1 << 20), 1 << 20, 0),
                 second = request(file, wide + (2 << 20), size, 0);
    OK(aio_read(&large));
    EQUAL(FINISH(&large), 1 << 20);
    began = now();
    OK(aio_read(&first));
    OK(aio_read(&second));
    EQUAL(aio_cancel(file, &first), AIO_CANCELED);
    FINISHES_WITH(&first, ECANCELED);
    EQUAL(FINISH(&second), size);
    took = now() - began;
    if (took < 0.85 || took > 1.2) failed(__FILE__, __LINE__, "%g s", took);
}
