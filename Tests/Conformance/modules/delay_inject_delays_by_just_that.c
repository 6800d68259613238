// holds: delay_inject delays each completion by its delay, not less, and hardly more, without holding a thread.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=ordered delay_inject aio_linux aio_poll' 'KAIO_VFS_PARAMETERS=delay_inject:delay=100ms; delay_inject:operations=read'
// limit: 60
#include "../check.h"

enum { count = 2000, size = 512, delay = 100000000 };
static struct aiocb controls[count];
static int64_t submitted[count];

int main(void) {
    int file = scratch_file(0);
    write_pattern(file, 1 << 20, 1, 0);
    unsigned char *blocks = aligned_buffer(count * size);
    struct aiocb first = request(file, blocks, size, 0);
    int64_t began = nanoseconds();
    OK(aio_write(&first));
    EQUAL(FINISH(&first), size);
    CHECK(nanoseconds() - began < delay);
    // Not in sequence: one of these would wait for the one before it.
    for (int i = 0; i < count; i++) {
        controls[i] = request(file, blocks + i * size, size, (off_t)i * 37 % 1000 * 2 * size);
        submitted[i] = nanoseconds();
        OK(aio_read(&controls[i]));
    }
    int threads = count_threads();
    CHECK(threads < 8);
    for (int i = 0; i < count; i++) EQUAL(aio_error(&controls[i]), EINPROGRESS);
    int64_t latest = 0;
    for (int i = 0; i < count; i++) {
        const struct aiocb *list[] = {&controls[i]};
        OK(aio_suspend(list, 1, NULL));
        int64_t took = nanoseconds() - submitted[i];
        EQUAL(FINISH(&controls[i]), size);
        CHECK(took >= delay);
        if (took > latest) latest = took;
    }
    // In no place do they wait for each other.
    if (latest > 2 * delay) failed(__FILE__, __LINE__, "%lld ns", (long long)latest);
}
