// holds: aio_cancel with a null aiocb asks for all of the descriptor's requests, and for none of another's.
// source: aio_cancel
#include "../check.h"

int main(void) {
    enum { count = 10 };
    int ends[2], others[2];
    open_pipe(ends);
    open_pipe(others);
    char bytes[count], other = 0;
    struct aiocb controls[count], elsewhere = request(others[0], &other, 1, 0);
    EQUAL(aio_cancel(ends[0], NULL), AIO_ALLDONE);
    OK(aio_read(&elsewhere));
    for (int i = 0; i < count; i++) {
        controls[i] = request(ends[0], &bytes[i], 1, 0);
        OK(aio_read(&controls[i]));
    }
    int answer = aio_cancel(ends[0], NULL);
    CHECK(answer == AIO_CANCELED || answer == AIO_NOTCANCELED);
    int first = aio_error(&controls[0]);
    EQUAL(first, answer == AIO_CANCELED ? ECANCELED : EINPROGRESS);
    for (int i = 1; i < count; i++) FINISHES_WITH(&controls[i], ECANCELED);
    EQUAL(write(ends[1], "x", 1), 1);
    if (first == EINPROGRESS) EQUAL(FINISH(&controls[0]), 1);
    EQUAL(aio_cancel(ends[0], NULL), AIO_ALLDONE);

    EQUAL(aio_error(&elsewhere), EINPROGRESS);
    EQUAL(write(others[1], "y", 1), 1);
    EQUAL(FINISH(&elsewhere), 1);
    EQUAL(other, 'y');
    EQUAL(aio_cancel(others[0], &elsewhere), AIO_ALLDONE);
}
