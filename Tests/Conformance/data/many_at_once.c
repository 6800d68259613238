// holds: Hundreds of requests in flight on one file, in no order, buffered and direct: each gets its own bytes.
// source: aio_read, aio_write
// limit: 60
#include "../check.h"

enum { count = 512, size = 8192 };

static void check_with(int flags) {
    static struct aiocb controls[count];
    int descriptor = scratch_file(flags);
    unsigned char *blocks = aligned_buffer(count * size);
    for (int pass = 0; pass < 3; pass++) {  // the first extends the file, the others overwrite it
        for (int i = 0; i < count; i++) {
            int place = (i * 311 + pass) % count;
            fill(blocks + i * size, size, (uint64_t)pass, (uint64_t)place * size);
            controls[i] = request(descriptor, blocks + i * size, size, (off_t)place * size);
            OK(aio_write(&controls[i]));
        }
        for (int i = 0; i < count; i++) EQUAL(FINISH(&controls[i]), size);
        memset(blocks, 0, count * size);
        for (int i = 0; i < count; i++) {
            int place = (i * 173 + pass) % count;
            controls[i] = request(descriptor, blocks + place * size, size, (off_t)place * size);
            OK(aio_read(&controls[i]));
        }
        for (int i = 0; i < count; i++) EQUAL(FINISH(&controls[i]), size);
        VERIFY(blocks, count * size, (uint64_t)pass, 0);
    }
    free(blocks);
    close(descriptor);
}

int main(void) {
    check_with(0);
    check_with(O_DIRECT);
}
