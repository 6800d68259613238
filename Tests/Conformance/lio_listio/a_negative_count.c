// holds: A count below zero: EINVAL, and nothing is queued.
// source: lio_listio
#include "../check.h"

int main(void) {
    int file = scratch_file(0), wrong[] = {-1, INT_MIN};
    struct aiocb write = request(file, "data", 4, 0), *list[1] = {&write};
    write.aio_lio_opcode = LIO_WRITE;
    for (int i = 0; i < 2; i++) {
        FAILS(lio_listio(LIO_WAIT, list, wrong[i], NULL), EINVAL);
        FAILS(lio_listio(LIO_NOWAIT, list, wrong[i], NULL), EINVAL);
    }
    EQUAL(lseek(file, 0, SEEK_END), 0);
    return 0;
}
