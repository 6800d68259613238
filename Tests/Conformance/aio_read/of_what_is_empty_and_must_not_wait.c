// holds: A read of an empty pipe or socket whose descriptor has O_NONBLOCK ends with EAGAIN, as read() does.
// source: aio_read
#include "../check.h"
#include <sys/socket.h>

int main(void) {
    int pairs[2][2];
    OK(pipe2(pairs[0], O_NONBLOCK));
    OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pairs[1]));
    for (int i = 0; i < 2; i++) {
        char byte;
        struct aiocb control = request(pairs[i][0], &byte, 1, 0);
        OK(aio_read(&control));
        FINISHES_WITH(&control, EAGAIN);
    }
    return 0;
}
