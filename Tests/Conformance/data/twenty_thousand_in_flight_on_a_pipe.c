// holds: 20,000 reads in flight at the same time on a pipe that is empty: each gets its byte, in order, when they come.
// source: kaio
// limit: 60
#include "../check.h"

enum { count = 20000 };
static struct aiocb controls[count];
static unsigned char in[count], out[count];

int main(void) {
    int ends[2];
    open_pipe(ends);
    fill(out, count, 1, 0);
    for (int i = 0; i < count; i++) {
        controls[i] = request(ends[0], &in[i], 1, 0);
        OK(aio_read(&controls[i]));
    }
    for (int i = 0; i < count; i += 997) EQUAL(aio_error(&controls[i]), EINPROGRESS);
    check_service();  // files are not held up by them
    EQUAL(write(ends[1], out, count), count);
    for (int i = 0; i < count; i++) {
        EQUAL(wait_for(&controls[i], 40), 0);
        EQUAL(aio_return(&controls[i]), 1);
    }
    VERIFY(in, count, 1, 0);
}
