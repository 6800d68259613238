// holds: KAIO_IDLE_SECONDS after the last request, not before, context, descriptors and threads are given back; the next request works.
// source: kaio
// environment: KAIO_IDLE_SECONDS=1 KAIO_RING=12288
// limit: 60
//
// fs.aio-nr is the whole system's and other tests use contexts of their own, but small ones: the share of this
// one is so large that the number tells whether it is in use. That this process has given its own back is seen
// in its memory map.
#include "../check.h"

enum { share = 12288 };
static atomic_int called;

static void finished(union sigval value) {
    (void)value;
    called++;
}

static long contexts_of_the_system(void) {
    long number = -1;
    FILE *file = fopen("/proc/sys/fs/aio-nr", "re");
    if (!file || fscanf(file, "%ld", &number) != 1) failed(__FILE__, __LINE__, "/proc/sys/fs/aio-nr");
    fclose(file);
    return number;
}

int main(void) {
    enum { size = 65536 };
    int direct = scratch_file(O_DIRECT), buffered = scratch_file(0), ends[2];
    open_pipe(ends);
    write_pattern(direct, size, 1, 0);
    unsigned char *block = aligned_buffer(size);
    char byte;
    int descriptors = count_descriptors(), threads = count_threads();
    EQUAL(count_contexts(), 0);
    for (int round = 1; round <= 3; round++) {
        // Something for each part: the kernel, the workers, the reactor.
        struct aiocb piped = request(ends[0], &byte, 1, 0);
        OK(aio_read(&piped));
        memset(block, 0, size);
        struct aiocb control = request(direct, block, size, 0);
        control.aio_sigevent.sigev_notify = SIGEV_THREAD;
        control.aio_sigevent.sigev_notify_function = finished;
        OK(aio_read(&control));
        EQUAL(FINISH(&control), size);
        VERIFY(block, size, 1, 0);
        EQUAL(write(ends[1], "x", 1), 1);
        EQUAL(FINISH(&piped), 1);
        control = request(buffered, block, size, 0);
        int64_t last = nanoseconds();
        OK(aio_write(&control));
        EQUAL(FINISH(&control), size);

        int contexts = count_contexts(), open_now = count_descriptors();
        long of_the_system = contexts_of_the_system();
        if (nanoseconds() - last < 1000000000) {
            EQUAL(contexts, 1);
            CHECK(open_now > descriptors);
            CHECK(of_the_system >= share);
        }
        double limit = now() + 15;
        while (count_contexts() != 0) {
            if (now() > limit) failed(__FILE__, __LINE__, "the context is still there");
            sleep_for(0.01);
        }
        int64_t took = nanoseconds() - last;
        printf("given back after %.3f s\n", (double)took / 1e9);
        CHECK(took >= 1000000000);
        while (count_descriptors() != descriptors || count_threads() != threads) {
            if (now() > limit)
                failed(__FILE__, __LINE__, "%d descriptors and %d threads; before the first request %d and %d",
                       count_descriptors(), count_threads(), descriptors, threads);
            sleep_for(0.01);
        }
        EQUAL(called, round);
    }
    // Last of all, when the other one of these that may run beside it comes to its end too.
    double limit = now() + 30;
    while (contexts_of_the_system() >= share) {
        if (now() > limit) failed(__FILE__, __LINE__, "fs.aio-nr is still %ld", contexts_of_the_system());
        sleep_for(0.01);
    }
}
