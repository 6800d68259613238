// holds: delay_inject delays each completion by its delay, not less, and hardly more, without holding a thread.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=ordered delay_inject aio_linux aio_poll' 'KAIO_VFS_PARAMETERS=delay_inject:delay=100ms; delay_inject:operations=read'
// limit: 60
#include "../check.h"

enum { count = 2000, size = 512, delay = 100000000 };
static struct aiocb controls[count];
static int64_t submitted[count];

// Returns the longest that one took.
static int64_t delayed(int file, unsigned char *blocks) {
    // Not in sequence: one of these would wait for the one before it.
    for (int i = 0; i < count; i++) {
        controls[i] = request(file, blocks + i * size, size, (off_t)i * 37 % 1000 * 2 * size);
        submitted[i] = nanoseconds();
        OK(aio_read(&controls[i]));
    }
    int threads = count_threads();
    CHECK(threads < 8);
    for (int i = 0; i < count; i++) {
        int error = aio_error(&controls[i]);
        if (nanoseconds() - submitted[i] < delay) EQUAL(error, EINPROGRESS);
    }
    int64_t latest = 0;
    for (int i = 0; i < count; i++) {
        const struct aiocb *list[] = {&controls[i]};
        OK(aio_suspend(list, 1, NULL));
        int64_t took = nanoseconds() - submitted[i];
        EQUAL(FINISH(&controls[i]), size);
        CHECK(took >= delay);
        if (took > latest) latest = took;
    }
    return latest;
}

int main(void) {
    int file = scratch_file(0);
    write_pattern(file, 1 << 20, 1, 0);
    unsigned char *blocks = aligned_buffer(count * size);
    struct aiocb first = request(file, blocks, size, 0);
    int64_t began = nanoseconds();
    OK(aio_write(&first));
    EQUAL(FINISH(&first), size);
    CHECK(nanoseconds() - began < delay);
    // In no place do they wait for each other: then it were many times the delay. A busy machine is tried again.
    int64_t latest = 0;
    for (int i = 0; i < 5 && (i == 0 || latest > 2 * delay); i++) latest = delayed(file, blocks);
    if (latest > 2 * delay) failed(__FILE__, __LINE__, "%lld ns", (long long)latest);
}
