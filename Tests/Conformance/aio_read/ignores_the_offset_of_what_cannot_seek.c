// holds: On what cannot seek (a pipe, a socket) aio_offset is ignored and the read starts at the next byte.
// source: aio_read
#include "../check.h"
#include <sys/socket.h>

int main(void) {
    int pairs[2][2];
    OK(pipe(pairs[0]));
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[1]));
    for (int i = 0; i < 2; i++) {
        off_t offsets[] = {0, 12345, 1};
        EQUAL(write(pairs[i][1], "abcdef", 6), 6);
        for (int j = 0; j < 3; j++) {
            char bytes[2];
            struct aiocb control = request(pairs[i][0], bytes, 2, offsets[j]);
            OK(aio_read(&control));
            EQUAL(FINISH(&control), 2);
            CHECK(bytes[0] == 'a' + 2 * j && bytes[1] == 'b' + 2 * j);
        }
    }
    return 0;
}
