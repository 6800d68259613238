// holds: A read and a write on one socket do not wait for each other, in either order.
// source: kaio (extension)
#include "../check.h"
#include <sys/socket.h>

#define SIZE ((size_t)4 << 20)

int main(void) {
    int pair[2];
    char byte;
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    struct aiocb reading = request(pair[0], &byte, 1, 0), writing = request(pair[0], "w", 1, 0);
    OK(aio_read(&reading));
    OK(aio_write(&writing));
    EQUAL(FINISH(&writing), 1);
    EQUAL(aio_error(&reading), EINPROGRESS);
    EQUAL(write(pair[1], "r", 1), 1);
    EQUAL(FINISH(&reading), 1);
    EQUAL(read(pair[1], &byte, 1), 1);
    // A write that the other side does not take yet does not hold up a read.
    unsigned char *data = aligned_buffer(SIZE);
    writing = request(pair[0], data, SIZE, 0);
    OK(aio_write(&writing));
    EQUAL(write(pair[1], "r", 1), 1);
    OK(aio_read(&reading));
    EQUAL(FINISH(&reading), 1);
    EQUAL(aio_error(&writing), EINPROGRESS);
    for (size_t done = 0; done < SIZE;) {
        ssize_t count = read(pair[1], data, SIZE - done);
        CHECK(count > 0);
        done += (size_t)count;
    }
    EQUAL(FINISH(&writing), SIZE);
    return 0;
}
