// holds: A request that failed or was cancelled ends the wait as one that succeeded does.
// source: aio_suspend
#include "../check.h"

int main(void) {
    int ends[2];
    char byte;
    OK(pipe(ends));
    struct aiocb bad = request(-1, &byte, 1, 0), first = request(ends[0], &byte, 1, 0), second = first;
    const struct aiocb *list[1] = {&bad};
    OK(aio_read(&bad));
    OK(aio_suspend(list, 1, NULL));
    EQUAL(aio_error(&bad), EBADF);
    OK(aio_read(&first));
    OK(aio_read(&second));
    EQUAL(aio_cancel(ends[0], &second), AIO_CANCELED);
    list[0] = &second;
    OK(aio_suspend(list, 1, NULL));
    EQUAL(aio_error(&second), ECANCELED);
    return 0;
}
