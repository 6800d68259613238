// holds: A write on a pipe or socket in blocking mode is written whole, however much more it is than there is room for.
// source: FACTS choice (streams)
#include "../check.h"
#include <sys/socket.h>

#define SIZE ((size_t)4 << 20)

int main(void) {
    for (int kind = 0; kind < 2; kind++) {
        int ends[2];
        if (kind) OK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
        else OK(pipe(ends));
        unsigned char *data = aligned_buffer(SIZE), *back = aligned_buffer(SIZE);
        fill(data, SIZE, 1, 0);
        struct aiocb control = request(ends[1], data, SIZE, 0);
        OK(aio_write(&control));
        EQUAL(aio_error(&control), EINPROGRESS);
        for (size_t done = 0; done < SIZE;) {
            ssize_t count = read(ends[0], back + done, SIZE - done);
            CHECK(count > 0);
            done += (size_t)count;
        }
        VERIFY(back, SIZE, 1, 0);
        EQUAL(FINISH(&control), SIZE);
        free(data);
        free(back);
    }
    return 0;
}
