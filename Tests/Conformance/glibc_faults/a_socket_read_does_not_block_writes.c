// holds: A read that waits on a socket does not block a write on the same socket.
// source: FACTS glibc 17
#include "../check.h"
#include <sys/socket.h>

int main(void) {
    int pair[2];
    char byte;
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    struct aiocb reading = request(pair[0], &byte, 1, 0), writing = request(pair[0], "w", 1, 0);
    OK(aio_read(&reading));
    OK(aio_write(&writing));
    EQUAL(wait_for(&writing, 5), 0);
    EQUAL(aio_return(&writing), 1);
    return 0;
}
