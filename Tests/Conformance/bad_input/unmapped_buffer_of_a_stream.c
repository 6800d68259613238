// holds: A bad buffer on a pipe or a socket is EFAULT in aio_error, also when the data comes later.
// source: kernel
#include "../check.h"

#include <sys/socket.h>

int main(void) {
    char *unmapped = mmap(NULL, 1 << 16, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(unmapped != MAP_FAILED);
    for (int kind = 0; kind < 2; kind++) {
        int ends[2];
        if (kind == 0) open_pipe(ends);
        else OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
        struct aiocb reading = request(ends[0], unmapped, 16, 0);
        struct aiocb writing = request(ends[1], unmapped, 16, 0);
        OK(aio_write(&writing));
        FINISHES_WITH(&writing, EFAULT);
        OK(aio_read(&reading));
        EQUAL(write(ends[1], "0123456789abcdef", 16), 16);
        FINISHES_WITH(&reading, EFAULT);
        close(ends[0]);
        close(ends[1]);
    }
    check_service();
}
