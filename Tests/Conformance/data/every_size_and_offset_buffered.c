// holds: Buffered writes and reads of many sizes and offsets move exactly the bytes asked for, no more and no less.
// source: aio_read, aio_write
// limit: 60
#include "../check.h"

enum { room = 5 << 20, guard = 4096 };
static unsigned char *memory;

int main(void) {
    const size_t sizes[] = {1, 2, 511, 512, 513, 4095, 4096, 4097, 65535, 65536, 65537, 131072, (1 << 20) + 3, 4 << 20};
    const off_t offsets[] = {0, 1, 511, 4096, 4097, (1 << 20) - 1, ((off_t)5 << 30) + 7};
    memory = aligned_buffer(room + 2 * guard);
    unsigned char *check = aligned_buffer(room);
    int descriptor = scratch_file(0);
    uint64_t seed = 0;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (size_t o = 0; o < sizeof offsets / sizeof *offsets; o++) {
            // Not aligned either in memory: the buffer begins at an odd place.
            unsigned char *buffer = memory + guard + (s + o) % 16;
            size_t size = sizes[s];
            off_t offset = offsets[o];
            seed++;
            if (ftruncate(descriptor, 0) != 0) CHECK(!"ftruncate");
            write_pattern(descriptor, guard, 1000, offset + (off_t)size);  // the bytes behind
            fill(buffer, size, seed, (uint64_t)offset);
            struct aiocb control = request(descriptor, buffer, size, offset);
            OK(aio_write(&control));
            EQUAL(FINISH(&control), size);
            VERIFY(buffer, size, seed, (uint64_t)offset);
            EQUAL(pread(descriptor, check, size, offset), size);
            VERIFY(check, size, seed, (uint64_t)offset);
            EQUAL(pread(descriptor, check, guard, offset + (off_t)size), guard);
            VERIFY(check, guard, 1000, (uint64_t)offset + size);

            memset(memory, 0xa5, room + 2 * guard);
            OK(aio_read(&control));
            EQUAL(FINISH(&control), size);
            VERIFY(buffer, size, seed, (uint64_t)offset);
            CHECK(buffer[-1] == 0xa5 && buffer[size] == 0xa5 && buffer[size + 511] == 0xa5);
        }
}
