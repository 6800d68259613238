// holds: A list with a member that is in flight already leaves that request alone and does the others.
// source: kaio (the standard leaves it open)
#include "../check.h"

int main(void) {
    int ends[2], descriptor = scratch_file(0);
    open_pipe(ends);
    char byte = 0, block[512];
    fill(block, sizeof block, 2, 0);
    struct aiocb busy = request(ends[0], &byte, 1, 0);
    busy.aio_lio_opcode = LIO_READ;
    OK(aio_read(&busy));
    for (int i = 0; i < 100; i++) {
        struct aiocb good = request(descriptor, block, sizeof block, i * 512);
        good.aio_lio_opcode = LIO_WRITE;
        struct aiocb *list[] = {&busy, &good, &busy};
        if (lio_listio(LIO_NOWAIT, list, 3, NULL) != 0) CHECK(errno == EIO || errno == EBUSY);
        EQUAL(FINISH(&good), sizeof block);
        EQUAL(aio_error(&busy), EINPROGRESS);
    }
    EQUAL(write(ends[1], "x", 1), 1);
    EQUAL(FINISH(&busy), 1);
    EQUAL(byte, 'x');
    EQUAL(lseek(descriptor, 0, SEEK_END), 100 * 512);
    check_service();
}
