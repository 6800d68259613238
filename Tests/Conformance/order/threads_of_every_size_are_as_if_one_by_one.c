// holds: Whatever sizes, places and descriptors several threads mix on one file, each sees the order of its own calls.
// source: FACTS choice (order)
// limit: 120
#include "../check.h"

enum { threads = 4, depth = 8, largest = 1 << 20, region = 3 << 19 };

static int files[2];     // O_DIRECT if possible, and buffered
static size_t unit;      // of all places and lengths
static int interleaved;  // each thread has every fourth unit, else a region
static double seconds;

struct one {
    struct aiocb control;
    unsigned char *bytes, *expected;
    size_t start;
    int used;
};

static off_t place(int thread, size_t start) {
    if (interleaved) return (off_t)((start / unit * threads + (size_t)thread) * unit);
    return (off_t)thread * (off_t)(region + unit) + (off_t)start;
}

static void end(struct one *one) {
    if (!one->used) return;
    EQUAL(FINISH(&one->control), one->used == 3 ? 0 : one->control.aio_nbytes);
    if (one->used == 1 && memcmp(one->bytes, one->expected, one->control.aio_nbytes) != 0) {
        size_t at = 0;
        while (one->bytes[at] == one->expected[at]) at++;
        failed(__FILE__, __LINE__, "a read of %zu bytes at %ld differs from byte %zu on", one->control.aio_nbytes,
               (long)one->control.aio_offset, at);
    }
    one->used = 0;
}

static void *work(void *argument) {
    int thread = (int)(intptr_t)argument;
    unsigned seed = (unsigned)thread + 1;
    uint64_t serial = (uint64_t)thread << 32;
    size_t whole = interleaved ? 64 * unit : region;
    // What the thread's part of the file is by the order of its calls.
    unsigned char *model = aligned_buffer(region);
    struct one *ring = calloc(depth, sizeof *ring);
    for (int i = 0; i < depth; i++) {
        ring[i].bytes = aligned_buffer(largest);
        ring[i].expected = aligned_buffer(largest);
    }
    double until = now() + seconds;
    for (int i = 0; now() < until; i++) {
        struct one *one = &ring[i % depth];
        end(one);
        // Few places, so that much overlaps; the short ones often, the long ones now and then.
        size_t length = unit << (rand_r(&seed) % 100 < 85 ? (unsigned)rand_r(&seed) % 6 : (unsigned)rand_r(&seed) % 12);
        if (length > largest) length = largest;
        if (interleaved) length = unit;
        size_t start = (size_t)rand_r(&seed) % ((whole - length) / unit + 1) * unit;
        if (!interleaved && rand_r(&seed) % 2) start = start % (64 * unit);
        if (start + length > whole) start = whole - length;
        unsigned what = (unsigned)rand_r(&seed) % 100;
        // Direct and buffered writes of one page (or of what the kernel caches as one) it does not keep apart.
        int file = files[what < 55 ? rand_r(&seed) % 2 : 0];
        one->start = start;
        one->control = request(file, one->bytes, length, place(thread, start));
        if (what < 55) {
            memcpy(one->expected, model + start, length);
            one->used = 1;
            OK(aio_read(&one->control));
        } else if (what < 99) {
            uint64_t value = ++serial * 0x9e3779b97f4a7c15ull;
            for (size_t at = 0; at < length; at += 8) memcpy(one->bytes + at, &value, 8);
            memcpy(model + start, one->bytes, length);
            one->used = 2;
            OK(aio_write(&one->control));
        } else {
            one->used = 3;
            OK(aio_fsync(O_DSYNC, &one->control));
            int error = wait_for(&one->control, 20);
            EQUAL(error, 0);
            // It covers all that the thread wrote before, though another thread may be about to say so.
            for (int other = 0; other < depth; other++) {
                struct one *covered = &ring[other];
                if (covered->used != 2) continue;
                size_t count = covered->control.aio_nbytes;
                EQUAL(pread(files[1], one->bytes, count, covered->control.aio_offset), count);
                CHECK(memcmp(one->bytes, model + covered->start, count) == 0);
            }
        }
    }
    for (int i = 0; i < depth; i++) end(&ring[i]);
    for (size_t start = 0; start < whole; start += unit) {
        EQUAL(pread(files[1], ring[0].bytes, unit, place(thread, start)), unit);
        if (memcmp(ring[0].bytes, model + start, unit) != 0)
            failed(__FILE__, __LINE__, "thread %d: the file differs at %ld", thread, (long)place(thread, start));
    }
    for (int i = 0; i < depth; i++) {
        free(ring[i].bytes);
        free(ring[i].expected);
    }
    free(ring);
    free(model);
    return NULL;
}

static void run(int flags, int other_flags, size_t size_of_unit, int is_interleaved) {
    char path[64];
    int plain = scratch_file(0);
    OK(posix_fallocate(plain, 0, threads * (region + 4096)));
    write_pattern(plain, threads * (region + 4096), 1, 0);
    unsigned char *zeroes = aligned_buffer(1 << 20);
    for (off_t at = 0; at < threads * (region + 4096); at += 1 << 20) CHECK(pwrite(plain, zeroes, 1 << 20, at) > 0);
    free(zeroes);
    OK(fsync(plain));
    snprintf(path, sizeof path, "/proc/self/fd/%d", plain);
    files[0] = open(path, O_RDWR | O_CLOEXEC | flags);
    files[1] = open(path, O_RDWR | O_CLOEXEC | other_flags);
    CHECK(files[0] >= 0 && files[1] >= 0);
    unit = size_of_unit;
    interleaved = is_interleaved;
    pthread_t all[threads];
    for (int i = 0; i < threads; i++) OK(pthread_create(&all[i], NULL, work, (void *)(intptr_t)i));
    for (int i = 0; i < threads; i++) OK(pthread_join(all[i], NULL));
    close(files[0]);
    close(files[1]);
    close(plain);
}

int main(int count, char **words) {
    seconds = count > 1 ? atof(words[1]) : 0.6;
    run(O_DIRECT, 0, 4096, 0);
    run(O_DIRECT, 0, 4096, 1);
    run(O_DIRECT, O_DIRECT, 4096, 0);
    run(O_DIRECT, O_DIRECT, 4096, 1);
    run(0, 0, 512, 0);
    run(0, 0, 512, 1);
    int file = scratch_file(O_DIRECT);
    unsigned char *block = aligned_buffer(512);
    if (pwrite(file, block, 512, 0) == 512) {
        run(O_DIRECT, O_DIRECT, 512, 0);
        run(O_DIRECT, O_DIRECT, 512, 1);
    }
    return 0;
}
