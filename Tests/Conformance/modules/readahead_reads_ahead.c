// holds: readahead has its window behind sequential reads in the page cache, and nothing more behind reads that are not.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=readahead ordered aio_linux aio_poll' 'KAIO_VFS_PARAMETERS=readahead:window=8M; readahead:after=3'
// limit: 60
#include "../check.h"

enum { size = 4096, length = 48 << 20, window = 8 << 20, start = 16 << 20 };
static int file;

// Leaves nothing of the file in the page cache, and has the kernel itself read ahead nothing.
static void make_cold(void) {
    OK(fsync(file));
    OK(posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED));
    OK(posix_fadvise(file, 0, 0, POSIX_FADV_RANDOM));
}

static long cached(off_t from, size_t count) {
    static unsigned char pages[length / 4096];
    void *memory = mmap(NULL, count, PROT_READ, MAP_SHARED, file, from);
    CHECK(memory != MAP_FAILED);
    OK(mincore(memory, count, pages));
    OK(munmap(memory, count));
    long found = 0;
    for (size_t i = 0; i < count / 4096; i++) found += pages[i] & 1;
    return found * 4096;
}

static void read_at(off_t offset) {
    static unsigned char block[size];
    struct aiocb control = request(file, block, size, offset);
    OK(aio_read(&control));
    EQUAL(FINISH(&control), size);
    VERIFY(block, size, 1, (uint64_t)offset);
}

// Whether the module's thread is there.
static int is_reading_ahead(void) { return count_threads_named("kaio-readahead"); }

int main(void) {
    file = scratch_file(0);
    write_pattern(file, length, 1, 0);
    make_cold();
    // None of these continues the one before it for long enough.
    for (int i = 0; i < 8; i++) {
        read_at(start + i * 3 * size);
        read_at(start + i * 3 * size + size);
    }
    sleep_for(0.3);
    CHECK(cached(start, length - start) <= 64 * size);
    make_cold();
    for (int i = 0; i < 3; i++) read_at(start + i * size);
    off_t next = start + 3 * size;
    for (double end = now() + 10; cached(next, window) < window && now() < end;) sleep_for(0.01);
    EQUAL(cached(next, window), window);
    CHECK(cached(next + window, 4 << 20) <= 64 * size);
    // Once half of it is used up, the next is asked for; so the thread has something to do now and then.
    for (; next < start + window / 2 + 6 * size; next += size) read_at(next);
    for (double end = now() + 10; cached(next, window) < window / 2 + size && now() < end;) sleep_for(0.01);
    CHECK(cached(next, window) > window / 2);
    // The thread goes when there is nothing to do, and comes back.
    EQUAL(is_reading_ahead(), 1);
    for (double end = now() + 10; is_reading_ahead() && now() < end;) sleep_for(0.05);
    EQUAL(is_reading_ahead(), 0);
    make_cold();
    for (int i = 0; i < 3; i++) read_at(i * size);
    for (double end = now() + 10; cached(3 * size, window) < window && now() < end;) sleep_for(0.01);
    EQUAL(cached(3 * size, window), window);
}
