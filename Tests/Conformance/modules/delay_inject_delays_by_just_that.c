// holds: delay_inject delays each completion by its delay, not less, and hardly more, without holding a thread.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=ordered delay_inject aio_linux aio_poll' 'KAIO_VFS_PARAMETERS=delay_inject:delay=100ms; delay_inject:operations=read'
// limit: 60
#include "../check.h"

enum { count = 2000, size = 512, delay = 100000000 };
static struct aiocb controls[count];
static int64_t submitted[count], submission;

// Returns the longest that one took.
static int64_t delayed(int file, unsigned char *blocks) {
    int64_t began = nanoseconds();
    // Not in sequence: one of these would wait for the one before it.
    for (int i = 0; i < count; i++) {
        controls[i] = request(file, blocks + i * size, size, (off_t)i * 37 % 1000 * 2 * size);
        submitted[i] = nanoseconds();
        OK(aio_read(&controls[i]));
    }
    submission = nanoseconds() - began;
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
    // A write is not delayed. An emulated machine may be slow once.
    for (int tries = times_slower() == 1 ? 1 : 5; tries > 0; tries--) {
        struct aiocb first = request(file, blocks, size, 0);
        int64_t began = nanoseconds();
        OK(aio_write(&first));
        EQUAL(FINISH(&first), size);
        if (nanoseconds() - began < delay) break;
        CHECK(tries > 1);
    }
    // In no place do they wait for each other: then it were many times the delay. A busy machine is tried again. How long one took ends
    // when this program looks at it, which is after it has submitted all: a slow machine takes longer than the delay for that.
    const int64_t most = (int64_t)(2 * delay * times_slower());
    int64_t latest = 0;
    for (int i = 0; i < 5 && (i == 0 || latest > most); i++) latest = delayed(file, blocks);
    printf("measured: %d reads were submitted in %.0f ms; the longest took %.0f ms\n", count, submission / 1e6, latest / 1e6);
    if (latest > most) failed(__FILE__, __LINE__, "%lld ns", (long long)latest);
}
