// holds: A write on a pipe with O_NONBLOCK that has some room ends with the count of what went in, as write() does.
// source: aio_write
#include "../check.h"

int main(void) {
    int ends[2];
    OK(pipe2(ends, O_NONBLOCK));
    int room = fcntl(ends[1], F_GETPIPE_SZ);
    size_t size = (size_t)room * 2;
    unsigned char *data = aligned_buffer(size), *back = aligned_buffer(size);
    fill(data, size, 1, 0);
    struct aiocb control = request(ends[1], data, size, 0);
    OK(aio_write(&control));
    ssize_t count = FINISH(&control);
    CHECK(count > 0 && count <= room);
    EQUAL(read(ends[0], back, size), count);
    VERIFY(back, (size_t)count, 1, 0);
    return 0;
}
