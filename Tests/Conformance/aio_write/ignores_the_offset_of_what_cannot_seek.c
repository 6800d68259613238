// holds: On what cannot seek (a pipe, a socket) aio_offset is ignored.
// source: aio_write
#include "../check.h"
#include <sys/socket.h>

int main(void) {
    int pairs[2][2];
    OK(pipe(pairs[0]));
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[1]));
    for (int i = 0; i < 2; i++) {
        struct aiocb control = request(pairs[i][1], "abc", 3, 4711);
        char bytes[3];
        OK(aio_write(&control));
        EQUAL(FINISH(&control), 3);
        EQUAL(read(pairs[i][0], bytes, 3), 3);
        EQUAL(memcmp(bytes, "abc", 3), 0);
    }
    return 0;
}
