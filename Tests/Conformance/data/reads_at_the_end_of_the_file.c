// holds: A read across the end of the file is short, one at or behind it gives 0, one of nothing gives 0.
// source: aio_read
#include "../check.h"

static void ask(int descriptor, size_t size, off_t offset, ssize_t expected) {
    static unsigned char *buffer;
    if (!buffer) buffer = aligned_buffer(2 << 20);
    memset(buffer, 0xa5, 2 << 20);
    struct aiocb control = request(descriptor, buffer, size, offset);
    OK(aio_read(&control));
    EQUAL(FINISH(&control), expected);
    VERIFY(buffer, (size_t)expected, 4, (uint64_t)offset);
    // A direct read may fill up its last block.
    if (!(fcntl(descriptor, F_GETFL) & O_DIRECT))
        for (size_t i = (size_t)expected; i < size; i++) EQUAL(buffer[i], 0xa5);
}

int main(void) {
    enum { length = (1 << 20) + 1000 };
    for (int pass = 0; pass < 2; pass++) {
        int descriptor = scratch_file(0);
        write_pattern(descriptor, length, 4, 0);
        if (pass == 1) {
            OK(fsync(descriptor));
            OK(posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED));
        }
        ask(descriptor, 4096, length - 1000, 1000);
        ask(descriptor, 2 << 20, 0, length);
        ask(descriptor, 4096, length, 0);
        ask(descriptor, 65536, length + 1, 0);
        ask(descriptor, 4096, (off_t)1 << 40, 0);
        ask(descriptor, 0, 0, 0);
        ask(descriptor, 0, length + 5000, 0);
        ask(descriptor, 1, length - 1, 1);
        close(descriptor);
    }
    // With O_DIRECT the end need not be aligned.
    int direct = scratch_file(O_DIRECT);
    write_pattern(direct, 65536, 4, 0);
    OK(ftruncate(direct, 60001));
    ask(direct, 65536, 0, 60001);
    ask(direct, 8192, 57344, 60001 - 57344);
    ask(direct, 4096, 65536, 0);
}
