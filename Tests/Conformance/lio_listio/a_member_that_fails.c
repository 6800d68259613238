// holds: When a member fails, LIO_WAIT waits for the others and gives EIO, LIO_NOWAIT gives 0; each member's status is its own.
// source: lio_listio
#include "../check.h"

int main(void) {
    int file = scratch_file(0);
    for (int mode = 0; mode < 2; mode++) {
        char byte;
        struct aiocb controls[4] = {request(-1, &byte, 1, 0), request(file, "data", 4, 0),
                                    request(open("/dev/full", O_WRONLY), "x", 1, 0), request(file, "more", 4, 4)};
        struct aiocb *list[4];
        for (int i = 0; i < 4; i++) {
            controls[i].aio_lio_opcode = i == 0 ? LIO_READ : LIO_WRITE;
            list[i] = &controls[i];
        }
        if (mode) FAILS(lio_listio(LIO_WAIT, list, 4, NULL), EIO);
        else OK(lio_listio(LIO_NOWAIT, list, 4, NULL));
        if (mode) for (int i = 0; i < 4; i++) CHECK(aio_error(&controls[i]) != EINPROGRESS);
        FINISHES_WITH(&controls[0], EBADF);
        EQUAL(FINISH(&controls[1]), 4);
        FINISHES_WITH(&controls[2], ENOSPC);
        EQUAL(FINISH(&controls[3]), 4);
    }
    return 0;
}
