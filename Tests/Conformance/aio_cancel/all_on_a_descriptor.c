// holds: With a null aiocb aio_cancel cancels all requests on the descriptor that can be, and none on another.
// source: aio_cancel
#include "../check.h"

#define COUNT 100

int main(void) {
    int ends[2], other[2];
    OK(pipe(ends));
    OK(pipe(other));
    static char bytes[COUNT], byte;
    static struct aiocb controls[COUNT];
    struct aiocb stays = request(other[0], &byte, 1, 0);
    OK(aio_read(&stays));
    for (int i = 0; i < COUNT; i++) {
        controls[i] = request(ends[0], &bytes[i], 1, 0);
        OK(aio_read(&controls[i]));
    }
    EQUAL(aio_cancel(ends[0], NULL), AIO_CANCELED);
    for (int i = 0; i < COUNT; i++) {
        EQUAL(aio_error(&controls[i]), ECANCELED);
        EQUAL(aio_return(&controls[i]), -1);
    }
    EQUAL(aio_error(&stays), EINPROGRESS);
    EQUAL(write(other[1], "x", 1), 1);
    EQUAL(FINISH(&stays), 1);
    return 0;
}
