// holds: lio_listio with LIO_NOWAIT returns when the requests are queued.
// source: lio_listio
#include "../check.h"

int main(void) {
    int ends[2];
    char bytes[4];
    struct aiocb controls[4], *list[4];
    OK(pipe(ends));
    for (int i = 0; i < 4; i++) {
        controls[i] = request(ends[0], &bytes[i], 1, 0);
        controls[i].aio_lio_opcode = LIO_READ;
        list[i] = &controls[i];
    }
    OK(lio_listio(LIO_NOWAIT, list, 4, NULL));
    for (int i = 0; i < 4; i++) EQUAL(aio_error(&controls[i]), EINPROGRESS);
    EQUAL(write(ends[1], "abcd", 4), 4);
    for (int i = 0; i < 4; i++) EQUAL(FINISH(&controls[i]), 1);
    EQUAL(memcmp(bytes, "abcd", 4), 0);
    return 0;
}
