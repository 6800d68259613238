// holds: Each read of a datagram socket gets one message, in order, and each write sends one.
// source: kaio (extension)
#include "../check.h"
#include <sys/socket.h>

#define COUNT 8

int main(void) {
    int pair[2];
    size_t sizes[COUNT] = {5, 1, 100, 1, 7, 128, 64, 3};
    unsigned char data[COUNT][128], bytes[COUNT][200];
    struct aiocb reads[COUNT], writes[COUNT];
    OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
    for (int i = 0; i < COUNT; i++) {
        reads[i] = request(pair[0], bytes[i], 200, 0);
        OK(aio_read(&reads[i]));
    }
    for (int i = 0; i < COUNT; i++) {
        fill(data[i], sizes[i], (uint64_t)i, 0);
        writes[i] = request(pair[1], data[i], sizes[i], 0);
        OK(aio_write(&writes[i]));
    }
    for (int i = 0; i < COUNT; i++) {
        EQUAL(FINISH(&writes[i]), sizes[i]);
        EQUAL(FINISH(&reads[i]), sizes[i]);
        VERIFY(bytes[i], sizes[i], (uint64_t)i, 0);
    }
    return 0;
}
