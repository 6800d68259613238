// holds: With LIO_WAIT the list's sigevent is ignored, even where it points nowhere.
// source: lio_listio
#include "../check.h"

int main(void) {
    struct aiocb write = request(scratch_file(0), "data", 4, 0), *list[1] = {&write};
    struct sigevent wrong = {.sigev_notify = 4711, .sigev_signo = -1};
    write.aio_lio_opcode = LIO_WRITE;
    OK(lio_listio(LIO_WAIT, list, 1, &wrong));
    EQUAL(aio_return(&write), 4);
    OK(lio_listio(LIO_WAIT, list, 1, (struct sigevent *)8));
    EQUAL(aio_return(&write), 4);
    return 0;
}
