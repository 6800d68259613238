// holds: aio_return of an untouched aiocb gives the same result again, with the same errno where it is -1.
// source: glibc (compatibility)
#include "../check.h"

int main(void) {
    int file = scratch_file(0), ends[2];
    char byte;
    struct aiocb control = request(file, "data", 4, 0), bad = request(-1, &byte, 1, 0), cancelled;
    OK(aio_write(&control));
    for (int i = 0; i < 1000; i++) EQUAL(FINISH(&control), 4);
    // The same aiocb serves again.
    control.aio_nbytes = 3;
    OK(aio_write(&control));
    for (int i = 0; i < 1000; i++) EQUAL(FINISH(&control), 3);
    OK(aio_read(&bad));
    EQUAL(wait_for(&bad, 10), EBADF);
    for (int i = 0; i < 1000; i++) FAILS(aio_return(&bad), EBADF);
    open_pipe(ends);
    cancelled = request(ends[0], &byte, 1, 0);
    OK(aio_read(&cancelled));
    OK(close(ends[0]));
    EQUAL(wait_for(&cancelled, 10), ECANCELED);
    for (int i = 0; i < 1000; i++) FAILS(aio_return(&cancelled), ECANCELED);
    return 0;
}
