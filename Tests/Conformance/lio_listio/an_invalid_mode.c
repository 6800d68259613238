// holds: A mode other than LIO_WAIT and LIO_NOWAIT: EINVAL, and nothing is queued.
// source: lio_listio
#include "../check.h"

int main(void) {
    int file = scratch_file(0), wrong[] = {-1, 2, 4711, INT_MIN};
    struct aiocb write = request(file, "data", 4, 0), *list[1] = {&write};
    write.aio_lio_opcode = LIO_WRITE;
    for (int i = 0; i < 4; i++) {
        CHECK(wrong[i] != LIO_WAIT && wrong[i] != LIO_NOWAIT);
        FAILS(lio_listio(wrong[i], list, 1, NULL), EINVAL);
        EQUAL(aio_cancel(file, NULL), AIO_ALLDONE);
    }
    EQUAL(lseek(file, 0, SEEK_END), 0);
    return 0;
}
