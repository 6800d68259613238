// holds: aio_ratelimit lets as many operations and bytes through in a second as allowed, within 1 % of the limit, at once where there is no debt.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=ordered aio_ratelimit aio_linux aio_poll' 'KAIO_VFS_PARAMETERS=aio_ratelimit:read_iops=2000; aio_ratelimit:write_bytes=4M'
// limit: 60
#include "../check.h"

enum { depth = 32, block = 32768 };

// Keeps `depth` requests of `size` bytes in flight until `count` are done; returns the seconds.
static double run(int file, int write, size_t size, int count) {
    static struct aiocb controls[depth];
    unsigned char *blocks = aligned_buffer(depth * block);
    double began = now();
    for (int done = 0, submitted = 0; done < count; done++) {
        while (submitted < count && submitted < done + depth) {
            int i = submitted % depth;
            controls[i] = request(file, blocks + i * block, size, (off_t)(submitted * 7 % 64) * block);
            if (write) OK(aio_write(&controls[i]));
            else OK(aio_read(&controls[i]));
            submitted++;
        }
        EQUAL(FINISH(&controls[done % depth]), size);
    }
    free(blocks);
    return now() - began;
}

static void expect(int line, double took, double expected) {
    printf("%.4f s, expected %.4f\n", took, expected);
    if (took < expected * 0.99 || took > expected * 1.01 + 0.02 * times_slower())
        failed(__FILE__, line, "%g s, expected %g", took, expected);
}

int main(void) {
    int file = scratch_file(0);
    write_pattern(file, 64 * block, 1, 0);
    expect(__LINE__, run(file, 0, 4096, 4000), 2);
    expect(__LINE__, run(file, 1, block, 256), 2);
    // The child of a fork has its own.
    pid_t child = fork();
    if (child == 0) {
        expect(__LINE__, run(file, 0, 512, 2000), 1);
        _exit(0);
    }
    EXITS(child);
    // What was saved up in the meantime, and what was not used, goes at once: a tenth of a second.
    sleep_for(0.3);
    double took = run(file, 0, 4096, 190);
    if (took > 0.05 * times_slower()) failed(__FILE__, __LINE__, "%g s for what was saved up", took);
    sleep_for(0.3);
    // aio_fsync is not limited.
    run(file, 1, block, 16);
    struct aiocb large = request(file, aligned_buffer(1 << 20), 1 << 20, 0), synchronization = request(file, NULL, 0, 0);
    OK(aio_write(&large));
    EQUAL(FINISH(&large), 1 << 20);
    double began = now();
    OK(aio_fsync(O_SYNC, &synchronization));
    EQUAL(FINISH(&synchronization), 0);
    CHECK(now() - began < 0.2 * times_slower());
    // A request that is larger than the bucket got through, and the next one pays for it.
    struct aiocb next = request(file, aligned_buffer(4096), 4096, 1 << 20);
    began = now();
    OK(aio_write(&next));
    EQUAL(FINISH(&next), 4096);
    CHECK(now() - began > 0.05);
}
