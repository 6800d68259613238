// holds: A process whose requests the kernel's queue would not make faster (cached reads, buffered writes, aio_fsync) opens no io context, with which it would end some 30 ms later, as long as the kernel takes to be rid of one; O_DIRECT opens it, with KAIO_RING_AFTER=0 at the first request that the kernel can take.
// source: kaio; io_setup(2): the context is destroyed when the process ends
#include "../check.h"


int main(void) {
    deadline(30);
    int file = scratch_file(0);
    unsigned char *data = aligned_buffer(65536);
    enum { count = 8 };
    struct aiocb requests[count];
    struct aiocb *list[count];
    // A write that makes the file longer, one that does not, and what follows.
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < count; i++) {
            requests[i] = request(file, data + i * 4096, 4096, i * 4096);
            OK(aio_write(&requests[i]));
        }
        for (int i = 0; i < count; i++) EQUAL(FINISH(&requests[i]), 4096);
    }
    requests[0] = request(file, NULL, 0, 0);
    OK(aio_fsync(O_SYNC, &requests[0]));
    EQUAL(FINISH(&requests[0]), 0);
    for (int i = 0; i < count; i++) {
        requests[i] = request(file, data + i * 4096, 4096, i * 4096);
        requests[i].aio_lio_opcode = LIO_READ;
        list[i] = &requests[i];
    }
    OK(lio_listio(LIO_WAIT, list, count, NULL));
    for (int i = 0; i < count; i++) EQUAL(aio_return(&requests[i]), 4096);
    EQUAL(count_contexts(), 0);
    int direct = scratch_file(O_DIRECT);
    requests[0] = request(direct, data, 4096, 0);
    OK(aio_write(&requests[0]));
    EQUAL(FINISH(&requests[0]), 4096);
    // Longer than the file was: a worker's. Within it: the kernel's.
    OK(aio_write(&requests[0]));
    EQUAL(FINISH(&requests[0]), 4096);
    EQUAL(count_contexts(), 1);
    return 0;
}
