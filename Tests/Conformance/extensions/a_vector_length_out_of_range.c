// holds: Buffers of more than SSIZE_MAX bytes in total end aio_readv and aio_writev with the status EINVAL; so does a single one.
// source: kaio
// modes: linked
#include "../check.h"
#include "../../../include/kaio.h"

int main(void) {
    static unsigned char bytes[4096], file[4096];
    struct iovec vectors[][3] = {
        {{bytes, 1}, {bytes, SIZE_MAX}, {bytes, 1}},
        {{bytes, 1}, {bytes, (size_t)SSIZE_MAX + 1}, {bytes, 1}},
        {{bytes, 1}, {bytes, SSIZE_MAX}, {bytes, 0}},
        {{bytes, SSIZE_MAX}, {bytes, SSIZE_MAX}, {bytes, 2}},
        {{bytes, 4096}, {bytes, (size_t)1 << 62}, {bytes, (size_t)1 << 62}},
    };
    int descriptor = scratch_file(0), ends[2];
    open_pipe(ends);
    write_pattern(descriptor, sizeof file, 1, 0);
    memset(bytes, 0xee, sizeof bytes);
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        int descriptors[][2] = {{descriptor, descriptor}, {ends[0], ends[1]}};
        for (int j = 0; j < 2; j++) {
            struct aiocb control = request(descriptors[j][0], vectors[i], 3, 0);
            OK(aio_readv(&control));
            FINISHES_WITH(&control, EINVAL);
            control = request(descriptors[j][1], vectors[i], 3, 0);
            OK(aio_writev(&control));
            FINISHES_WITH(&control, EINVAL);
        }
    }
    EQUAL(bytes[0], 0xee);
    EQUAL(pread(descriptor, file, sizeof file, 0), sizeof file);
    VERIFY(file, sizeof file, 1, 0);
    return 0;
}
