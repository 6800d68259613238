// holds: aio_readv and aio_writev fill and write the buffers one after the other from aio_offset on, empty ones included, and touch nothing else.
// source: kaio
// modes: linked
// limit: 40
#include "../check.h"
#include "../../../include/kaio.h"

enum { file_size = 1 << 18, buffers = 40, longest = 3000, gap = 24, arena_size = buffers * (longest + gap) };

static unsigned char model[file_size], arena[arena_size];
static struct iovec vector[buffers];
static unsigned random_state = 12345;

static unsigned random_below(unsigned limit) {
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % limit;
}

// Buffers of any lengths with gaps between them, in any order of their addresses; gives how many.
static int make_vector(size_t *length) {
    int count = 1 + (int)random_below(buffers);
    unsigned start = random_below(buffers), limit = 1 + random_below(longest);
    *length = 0;
    for (int i = 0; i < count; i++) {
        size_t size = random_below(5) == 0 ? 0 : random_below(limit);
        unsigned place = (start + 7 * (unsigned)i) % buffers;
        vector[i] = (struct iovec){arena + place * (longest + gap) + random_below(gap), size};
        *length += size;
    }
    return count;
}

// Byte by byte: what lies in a buffer is as in the file, all else is as it was filled.
static void check_arena(int count, off_t offset, size_t got) {
    static unsigned char expected[arena_size];
    memset(expected, 0xee, sizeof expected);
    for (int i = 0; i < count && got > 0; i++) {
        size_t size = vector[i].iov_len < got ? vector[i].iov_len : got;
        memcpy(expected + ((unsigned char *)vector[i].iov_base - arena), model + offset, size);
        offset += (off_t)size;
        got -= size;
    }
    for (int i = 0; i < arena_size; i++)
        if (arena[i] != expected[i])
            failed(__FILE__, __LINE__, "byte %d is %02x, expected %02x", i, arena[i], expected[i]);
}

int main(void) {
    int descriptor = scratch_file(0);
    write_pattern(descriptor, file_size, 1, 0);
    fill(model, file_size, 1, 0);
    for (int step = 0; step < 3000; step++) {
        size_t length;
        int count = make_vector(&length);
        off_t offset = random_below(file_size);
        size_t there = (size_t)(file_size - offset), expected = length < there ? length : there;
        struct aiocb control = request(descriptor, vector, (size_t)count, offset);
        // Parts that are not in the page cache are read another way.
        if (step % 50 == 0) {
            OK(fdatasync(descriptor));
            OK(posix_fadvise(descriptor, random_below(file_size), 1 + random_below(1 << 16), POSIX_FADV_DONTNEED));
        }
        if (step % 2 == 0) {
            memset(arena, 0xee, sizeof arena);
            OK(aio_readv(&control));
            EQUAL(FINISH(&control), expected);
            check_arena(count, offset, expected);
        } else if (length <= there) {
            fill(arena, arena_size, (uint64_t)step, 0);
            OK(aio_writev(&control));
            EQUAL(FINISH(&control), length);
            for (int i = 0; i < count; i++) {
                memcpy(model + offset, vector[i].iov_base, vector[i].iov_len);
                offset += (off_t)vector[i].iov_len;
            }
            VERIFY(arena, arena_size, (uint64_t)step, 0);
        }
    }
    static unsigned char whole[file_size];
    EQUAL(pread(descriptor, whole, file_size, 0), file_size);
    CHECK(memcmp(whole, model, file_size) == 0);
    return 0;
}
