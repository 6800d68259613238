// holds: A read that waits on a socket does not hold up a write on it; both directions carry every byte.
// source: FACTS glibc 17
#include "../check.h"

#include <sys/socket.h>

enum { total = 2 << 20 };
static int sockets[2];

// Each side first has a read waiting, then writes.
static void *talk(void *argument) {
    int side = argument != NULL;
    unsigned char *out = aligned_buffer(total), *in = aligned_buffer(total);
    fill(out, total, (uint64_t)side, 0);
    size_t got = 0;
    struct aiocb reading = request(sockets[side], in, total, 0);
    struct aiocb writing = request(sockets[side], out, total, 0);
    OK(aio_read(&reading));
    OK(aio_write(&writing));
    for (;;) {
        ssize_t count = FINISH(&reading);
        CHECK(count > 0);
        got += (size_t)count;
        if (got == total) break;
        reading = request(sockets[side], in + got, total - got, 0);
        OK(aio_read(&reading));
    }
    EQUAL(FINISH(&writing), total);
    VERIFY(in, total, (uint64_t)!side, 0);
    return NULL;
}

int main(void) {
    OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets));
    pthread_t other;
    OK(pthread_create(&other, NULL, talk, sockets));
    talk(NULL);
    pthread_join(other, NULL);
    shutdown(sockets[1], SHUT_RDWR);
    char byte;
    struct aiocb control = request(sockets[0], &byte, 1, 0);
    OK(aio_read(&control));
    EQUAL(FINISH(&control), 0);
}
