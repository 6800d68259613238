// holds: As soon as aio_error is not EINPROGRESS the aiocb and its buffer are the program's again, without aio_return.
// source: aio.h, glibc (compatibility)
// limit: 60
#include "../check.h"

int main(void) {
    enum { size = 4096, blocks = 64, rounds = 70000 };  // more than may be in flight
    int descriptor = scratch_file(0);
    write_pattern(descriptor, blocks * size, 1, 0);
    unsigned char *buffer = aligned_buffer(size);
    struct aiocb *control = aligned_buffer(sizeof *control);
    for (int i = 0; i < rounds; i++) {
        off_t offset = (off_t)(i * 13 % blocks) * size;
        *control = request(descriptor, buffer, size, offset);
        OK(aio_read(control));
        int error;
        while ((error = aio_error(control)) == EINPROGRESS) {
            const struct aiocb *list[] = {control};
            aio_suspend(list, 1, NULL);
        }
        EQUAL(error, 0);
        if (i % 100 == 0) VERIFY(buffer, size, 1, (uint64_t)offset);
        memset(buffer, 0, i % 100 == 99 ? size : 64);
    }
}
