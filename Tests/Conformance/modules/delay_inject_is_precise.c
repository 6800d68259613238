// holds: A delay of 500 us is one of 500 to some 600 us, also while requests wait for each other.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=ordered delay_inject aio_linux aio_poll' KAIO_VFS_PARAMETERS=delay_inject:delay=500us
// limit: 60
#include "../check.h"

enum { rounds = 300, size = 4096, delay = 500000 };

static int compare(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int main(void) {
    int file = scratch_file(0);
    unsigned char *block = aligned_buffer(size);
    write_pattern(file, size, 1, 0);
    int64_t took[rounds];
    // Other processes may have the processors for most of the time: a tenth of the rounds must be undisturbed.
    for (int i = 0; i < rounds; i++) {
        struct aiocb control = request(file, block, size, 0);
        int64_t began = nanoseconds();
        OK(aio_read(&control));
        const struct aiocb *list[] = {&control};
        OK(aio_suspend(list, 1, NULL));
        took[i] = nanoseconds() - began;
        EQUAL(FINISH(&control), size);
        CHECK(took[i] >= delay);
    }
    qsort(took, rounds, sizeof *took, compare);
    // Where a kernel has no timers but its tick, as the clock's resolution says, a delay ends at the next one.
    struct timespec tick;
    OK(clock_getres(CLOCK_MONOTONIC, &tick));
    long long most = delay + (long long)(150000 * times_slower()) + tick.tv_nsec;
    if (took[rounds / 10] > most) failed(__FILE__, __LINE__, "alone: %lld ns", (long long)took[rounds / 10]);
    // Four that write to one place: each waits for the one before it.
    enum { chain = 4 };
    for (int i = 0; i < rounds; i++) {
        struct aiocb controls[chain];
        int64_t began = nanoseconds();
        for (int j = 0; j < chain; j++) {
            controls[j] = request(file, block, size, 0);
            OK(aio_write(&controls[j]));
        }
        const struct aiocb *list[] = {&controls[chain - 1]};
        OK(aio_suspend(list, 1, NULL));
        took[i] = nanoseconds() - began;
        for (int j = 0; j < chain; j++) EQUAL(FINISH(&controls[j]), size);
        CHECK(took[i] >= chain * delay);
    }
    qsort(took, rounds, sizeof *took, compare);
    if (took[rounds / 10] > chain * most) failed(__FILE__, __LINE__, "in a chain: %lld ns", (long long)took[rounds / 10]);
}
