// holds: A read that waits on a socket ends with 0 when the socket is shut down, from either side.
// source: aio_read
#include "../check.h"
#include <sys/socket.h>

int main(void) {
    for (int side = 0; side < 2; side++) {
        int pair[2];
        char byte;
        OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
        struct aiocb control = request(pair[0], &byte, 1, 0);
        OK(aio_read(&control));
        EQUAL(aio_error(&control), EINPROGRESS);
        OK(shutdown(pair[side], side ? SHUT_WR : SHUT_RD));
        EQUAL(FINISH(&control), 0);
    }
    return 0;
}
