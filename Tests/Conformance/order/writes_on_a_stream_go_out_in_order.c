// holds: Writes on one pipe or socket go out in the order of the calls, each of them whole.
// source: kaio (extension)
#include "../check.h"
#include <sys/socket.h>

#define COUNT 64
#define SIZE ((size_t)20000)

int main(void) {
    for (int kind = 0; kind < 2; kind++) {
        int ends[2];
        static struct aiocb controls[COUNT];
        unsigned char *data = aligned_buffer(COUNT * SIZE), *back = aligned_buffer(COUNT * SIZE);
        if (kind) OK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
        else OK(pipe(ends));
        fill(data, COUNT * SIZE, 1, 0);
        for (int i = 0; i < COUNT; i++) {
            controls[i] = request(ends[1], data + (size_t)i * SIZE, SIZE, 0);
            OK(aio_write(&controls[i]));
        }
        for (size_t done = 0; done < COUNT * SIZE;) {
            ssize_t count = read(ends[0], back + done, COUNT * SIZE - done);
            CHECK(count > 0);
            done += (size_t)count;
        }
        VERIFY(back, COUNT * SIZE, 1, 0);
        for (int i = 0; i < COUNT; i++) EQUAL(FINISH(&controls[i]), SIZE);
        close(ends[0]);
        close(ends[1]);
    }
    return 0;
}
