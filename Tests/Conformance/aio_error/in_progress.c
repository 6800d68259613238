// holds: aio_error gives EINPROGRESS until the request is done, however often it is asked.
// source: aio_error
#include "../check.h"

int main(void) {
    int ends[2];
    char byte;
    OK(pipe(ends));
    struct aiocb control = request(ends[0], &byte, 1, 0);
    OK(aio_read(&control));
    for (int i = 0; i < 100000; i++) EQUAL(aio_error(&control), EINPROGRESS);
    EQUAL(write(ends[1], "x", 1), 1);
    EQUAL(FINISH(&control), 1);
    return 0;
}
