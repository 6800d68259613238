// holds: Reads that wait on one pipe or socket get the data in the order of the calls, whatever their priorities.
// source: kaio (extension)
#include "../check.h"
#include <sys/socket.h>

#define COUNT 200

int main(void) {
    int most = (int)sysconf(_SC_AIO_PRIO_DELTA_MAX);
    for (int kind = 0; kind < 2; kind++) {
        int ends[2];
        static unsigned char data[COUNT * 8], bytes[COUNT][8];
        static struct aiocb controls[COUNT];
        if (kind) OK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
        else OK(pipe(ends));
        size_t size = 0;
        for (int i = 0; i < COUNT; i++) {
            controls[i] = request(ends[0], bytes[i], 1 + (size_t)i % 8, 0);
            controls[i].aio_reqprio = most - i % (most + 1);
            size += controls[i].aio_nbytes;
            OK(aio_read(&controls[i]));
        }
        fill(data, size, 1, 0);
        EQUAL(write(ends[1], data, size), size);
        size = 0;
        for (int i = 0; i < COUNT; i++) {
            EQUAL(FINISH(&controls[i]), controls[i].aio_nbytes);
            VERIFY(bytes[i], controls[i].aio_nbytes, 1, size);
            size += controls[i].aio_nbytes;
        }
        close(ends[0]);
        close(ends[1]);
    }
    return 0;
}
