// holds: A read that waits for data on a pipe or a socket is really cancelled, and data that comes later is not lost to it.
// source: FACTS choice (streams)
#include "../check.h"
#include <sys/socket.h>

int main(void) {
    for (int kind = 0; kind < 2; kind++) {
        int ends[2];
        char bytes[4] = {0};
        if (kind) OK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
        else OK(pipe(ends));
        struct aiocb control = request(ends[0], bytes, 4, 0);
        for (int round = 0; round < 200; round++) {
            OK(aio_read(&control));
            if (round % 10 == 0) sleep_for(0.001);
            EQUAL(aio_cancel(ends[0], &control), AIO_CANCELED);
            EQUAL(aio_error(&control), ECANCELED);
            EQUAL(aio_return(&control), -1);
        }
        EQUAL(write(ends[1], "data", 4), 4);
        EQUAL(read(ends[0], bytes, 4), 4);
        EQUAL(memcmp(bytes, "data", 4), 0);
    }
    return 0;
}
