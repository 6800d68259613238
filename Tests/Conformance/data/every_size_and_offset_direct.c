// holds: With O_DIRECT, overwriting and beyond the end of the file, the bytes on the disk are those of the requests.
// source: aio_read, aio_write
// limit: 60
#include "../check.h"

int main(void) {
    enum { room = 4 << 20, file_size = 16 << 20 };
    const size_t sizes[] = {4096, 8192, 65536, 131072, 1 << 20, 4 << 20};
    const off_t offsets[] = {0, 4096, 1 << 20, file_size - 4096, file_size, file_size + (1 << 20)};
    int descriptor = scratch_file(O_DIRECT);
    write_pattern(descriptor, file_size, 0, 0);
    unsigned char *buffer = aligned_buffer(room), *check = aligned_buffer(room);
    uint64_t seed = 1;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (size_t o = 0; o < sizeof offsets / sizeof *offsets; o++, seed++) {
            fill(buffer, sizes[s], seed, (uint64_t)offsets[o]);
            struct aiocb control = request(descriptor, buffer, sizes[s], offsets[o]);
            OK(aio_write(&control));
            EQUAL(FINISH(&control), sizes[s]);
            EQUAL(pread(descriptor, check, sizes[s], offsets[o]), sizes[s]);
            VERIFY(check, sizes[s], seed, (uint64_t)offsets[o]);
            memset(buffer, 0xa5, room);
            OK(aio_read(&control));
            EQUAL(FINISH(&control), sizes[s]);
            VERIFY(buffer, sizes[s], seed, (uint64_t)offsets[o]);
            if (sizes[s] < room) CHECK(buffer[sizes[s]] == 0xa5);
        }
}
