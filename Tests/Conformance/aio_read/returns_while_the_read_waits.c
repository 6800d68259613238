// holds: aio_read returns when the request is initiated or queued, before there is any data.
// source: aio_read
#include "../check.h"

int main(void) {
    int ends[2];
    char byte = 0;
    OK(pipe(ends));
    struct aiocb control = request(ends[0], &byte, 1, 0);
    OK(aio_read(&control));
    EQUAL(aio_error(&control), EINPROGRESS);
    EQUAL(write(ends[1], "k", 1), 1);
    EQUAL(FINISH(&control), 1);
    EQUAL(byte, 'k');
    return 0;
}
