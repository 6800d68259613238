// holds: 20,000 requests submitted before any is asked after, with the default ring: all are done, each with its bytes.
// source: kaio
// limit: 90
#include "../check.h"

enum { count = 20000 };
static struct aiocb controls[count];

static void check_with(int flags, size_t size) {
    int descriptor = scratch_file(flags);
    unsigned char *blocks = aligned_buffer(count * size);
    write_pattern(descriptor, count * size, 2, 0);
    for (int i = 0; i < count; i++) {
        int place = (int)(i * 7919ll % count);
        controls[i] = request(descriptor, blocks + (size_t)place * size, size, place * (off_t)size);
        OK(aio_read(&controls[i]));
    }
    for (int i = 0; i < count; i++) {
        EQUAL(wait_for(&controls[i], 60), 0);
        EQUAL(aio_return(&controls[i]), size);
    }
    VERIFY(blocks, count * size, 2, 0);

    fill(blocks, count * size, 3, 0);
    for (int i = 0; i < count; i++) OK(aio_write(&controls[i]));
    for (int i = 0; i < count; i++) {
        EQUAL(wait_for(&controls[i], 60), 0);
        EQUAL(aio_return(&controls[i]), size);
    }
    memset(blocks, 0, count * size);
    size_t got = 0;
    while (got < count * size) {
        ssize_t part = pread(descriptor, blocks + got, count * size - got, (off_t)got);
        CHECK(part > 0);
        got += (size_t)part;
    }
    VERIFY(blocks, count * size, 3, 0);
    free(blocks);
    close(descriptor);
}

int main(void) {
    check_with(0, 512);
    check_with(O_DIRECT, 4096);
}
