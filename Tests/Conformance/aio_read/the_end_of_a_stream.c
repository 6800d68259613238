// holds: A read of a pipe or socket that nobody can write to any more gives 0, also if it waited already.
// source: aio_read
#include "../check.h"
#include <sys/socket.h>

int main(void) {
    for (int kind = 0; kind < 2; kind++)
        for (int waits = 0; waits < 2; waits++) {
            int ends[2];
            char byte;
            if (kind) OK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
            else OK(pipe(ends));
            struct aiocb control = request(ends[0], &byte, 1, 0);
            if (!waits) close(ends[1]);
            OK(aio_read(&control));
            if (waits) {
                EQUAL(aio_error(&control), EINPROGRESS);
                close(ends[1]);
            }
            EQUAL(FINISH(&control), 0);
            close(ends[0]);
        }
    return 0;
}
