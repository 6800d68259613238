// holds: Null entries of the list are ignored.
// source: lio_listio
#include "../check.h"

int main(void) {
    int file = scratch_file(0);
    for (int mode = 0; mode < 2; mode++) {
        struct aiocb write = request(file, "data", 4, 0), *list[5] = {NULL, NULL, &write, NULL, NULL}, *nulls[3] = {0};
        write.aio_lio_opcode = LIO_WRITE;
        OK(lio_listio(mode ? LIO_WAIT : LIO_NOWAIT, list, 5, NULL));
        EQUAL(FINISH(&write), 4);
        OK(lio_listio(mode ? LIO_WAIT : LIO_NOWAIT, nulls, 3, NULL));
        OK(lio_listio(mode ? LIO_WAIT : LIO_NOWAIT, nulls, 0, NULL));
    }
    return 0;
}
