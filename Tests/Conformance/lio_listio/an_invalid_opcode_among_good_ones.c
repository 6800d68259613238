// holds: An entry with an invalid opcode fails with EINVAL in its own status; the others are done. LIO_WAIT then gives EIO, LIO_NOWAIT 0.
// source: FACTS musl (an invalid opcode in a list is ignored)
#include "../check.h"

int main(void) {
    int file = scratch_file(0), wrong[] = {4711, -1, INT_MAX};
    for (int i = 0; i < 6; i++) {
        struct aiocb controls[3], *list[3];
        for (int j = 0; j < 3; j++) {
            controls[j] = request(file, "data", 4, 4 * j);
            controls[j].aio_lio_opcode = LIO_WRITE;
            list[j] = &controls[j];
        }
        controls[1].aio_lio_opcode = wrong[i / 2];
        if (i % 2) FAILS(lio_listio(LIO_WAIT, list, 3, NULL), EIO);
        else OK(lio_listio(LIO_NOWAIT, list, 3, NULL));
        EQUAL(FINISH(&controls[0]), 4);
        FINISHES_WITH(&controls[1], EINVAL);
        EQUAL(FINISH(&controls[2]), 4);
    }
    return 0;
}
