// holds: lio_listio does all its reads and writes, with LIO_WAIT before it returns, with LIO_NOWAIT later.
// source: lio_listio
#include "../check.h"

enum { count = 64, size = 8192 };

static void check_with(int mode, int flags) {
    int descriptor = scratch_file(flags);
    unsigned char *blocks = aligned_buffer(count * size);
    static struct aiocb controls[count];
    struct aiocb *list[count];
    for (int round = 0; round < 4; round++) {
        for (int phase = LIO_READ; phase <= LIO_WRITE; phase++) {
            int writing = phase == LIO_READ;  // first write, then read back
            if (writing) fill(blocks, count * size, (uint64_t)round, 0);
            else memset(blocks, 0, count * size);
            for (int i = 0; i < count; i++) {
                int place = (i * 37 + round) % count;
                controls[i] = request(descriptor, blocks + place * size, size, place * size);
                controls[i].aio_lio_opcode = writing ? LIO_WRITE : LIO_READ;
                list[i] = &controls[i];
            }
            OK(lio_listio(mode, list, count, NULL));
            for (int i = 0; i < count; i++) {
                if (mode == LIO_WAIT) EQUAL(aio_error(&controls[i]), 0);
                EQUAL(FINISH(&controls[i]), size);
            }
            VERIFY(blocks, count * size, (uint64_t)round, 0);
        }
    }
    free(blocks);
    close(descriptor);
}

int main(void) {
    check_with(LIO_WAIT, 0);
    check_with(LIO_NOWAIT, 0);
    check_with(LIO_WAIT, O_DIRECT);
    check_with(LIO_NOWAIT, O_DIRECT);
}
