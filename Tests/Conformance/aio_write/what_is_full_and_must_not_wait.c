// holds: A write on a full pipe or socket whose descriptor has O_NONBLOCK ends with EAGAIN, as write() does.
// source: FACTS choice (streams)
#include "../check.h"
#include <sys/socket.h>

int main(void) {
    int pairs[2][2];
    OK(pipe2(pairs[0], O_NONBLOCK));
    OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pairs[1]));
    for (int i = 0; i < 2; i++) {
        char block[4096] = {0};
        while (write(pairs[i][1], block, sizeof block) > 0) {}
        EQUAL(errno, EAGAIN);
        struct aiocb control = request(pairs[i][1], block, sizeof block, 0);
        OK(aio_write(&control));
        FINISHES_WITH(&control, EAGAIN);
    }
    return 0;
}
