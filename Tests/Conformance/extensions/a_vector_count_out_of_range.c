// holds: A count of buffers of more than IOV_MAX ends aio_readv and aio_writev with the status EINVAL, and nothing is transferred.
// source: kaio
// modes: linked
#include "../check.h"
#include "../../../include/kaio.h"

int main(void) {
    static struct iovec vector[1025];
    static unsigned char bytes[1025], before[1025], file[1025];
    size_t counts[] = {1025, 1 << 20, (size_t)INT_MAX + 2, (size_t)SSIZE_MAX, SIZE_MAX};
    int descriptor = scratch_file(0), direct = scratch_file(O_DIRECT), ends[2];
    open_pipe(ends);
    write_pattern(descriptor, sizeof file, 1, 0);
    memset(before, 0xee, sizeof before);
    memcpy(bytes, before, sizeof bytes);
    for (int i = 0; i < 1025; i++) vector[i] = (struct iovec){bytes + i, 1};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        int descriptors[][2] = {{descriptor, descriptor}, {direct, direct}, {ends[0], ends[1]}};
        for (int j = 0; j < 3; j++) {
            struct aiocb control = request(descriptors[j][0], vector, counts[i], 0);
            OK(aio_readv(&control));
            FINISHES_WITH(&control, EINVAL);
            control = request(descriptors[j][1], vector, counts[i], 0);
            OK(aio_writev(&control));
            FINISHES_WITH(&control, EINVAL);
        }
    }
    CHECK(memcmp(bytes, before, sizeof bytes) == 0);
    EQUAL(pread(descriptor, file, sizeof file, 0), sizeof file);
    VERIFY(file, sizeof file, 1, 0);
    EQUAL(lseek(direct, 0, SEEK_END), 0);
    OK(fcntl(ends[0], F_SETFL, O_NONBLOCK));
    FAILS(read(ends[0], bytes, 1), EAGAIN);
    return 0;
}
