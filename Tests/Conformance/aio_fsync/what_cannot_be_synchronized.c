// holds: On a pipe, a socket or a device without storage aio_fsync ends with EINVAL, as fsync() does.
// source: aio_fsync
#include "../check.h"
#include <sys/socket.h>

int main(void) {
    int pairs[2][2], null = open("/dev/null", O_RDWR);
    OK(pipe(pairs[0]));
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[1]));
    int descriptors[] = {pairs[0][1], pairs[1][0], null}, operations[] = {O_SYNC, O_DSYNC};
    for (int i = 0; i < 6; i++) {
        struct aiocb control = request(descriptors[i / 2], NULL, 0, 0);
        OK(aio_fsync(operations[i % 2], &control));
        FINISHES_WITH(&control, EINVAL);
    }
    return 0;
}
