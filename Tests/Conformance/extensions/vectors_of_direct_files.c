// holds: On a file opened with O_DIRECT aio_readv and aio_writev carry every byte, many at once; what is not aligned ends as preadv does.
// source: kaio
// modes: linked
#include "../check.h"
#include "../../../include/kaio.h"

enum { block = 4096, per_request = 8, requests = 64, size = block * per_request };

int main(void) {
    int descriptor = scratch_file(O_DIRECT);
    unsigned char *out = aligned_buffer(size * requests), *in = aligned_buffer(size * requests);
    static struct iovec from[requests][per_request], into[requests][per_request];
    static struct aiocb controls[requests];
    fill(out, size * requests, 1, 0);
    for (int i = 0; i < requests; i++)
        for (int j = 0; j < per_request; j++) {
            from[i][j] = (struct iovec){out + i * size + j * block, block};
            // Read back in an order of the memory that is not that of the file.
            into[i][j] = (struct iovec){in + i * size + (per_request - 1 - j) * block, block};
        }
    // The first round writes beyond the end of the file, the second over what is there.
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < requests; i++) {
            controls[i] = request(descriptor, from[i], per_request, i * size);
            OK(aio_writev(&controls[i]));
        }
        for (int i = 0; i < requests; i++) EQUAL(FINISH(&controls[i]), size);
    }
    for (int i = 0; i < requests; i++) {
        controls[i] = request(descriptor, into[i], per_request, i * size);
        OK(aio_readv(&controls[i]));
    }
    for (int i = 0; i < requests; i++) {
        EQUAL(FINISH(&controls[i]), size);
        for (int j = 0; j < per_request; j++) VERIFY(into[i][j].iov_base, block, 1, (uint64_t)(i * size + j * block));
    }
    // The file ends within the vector.
    OK(ftruncate(descriptor, block + 100));
    controls[0] = request(descriptor, from[0], per_request, 0);
    controls[0].aio_iov = into[0];
    OK(aio_readv(&controls[0]));
    EQUAL(FINISH(&controls[0]), block + 100);
    VERIFY(into[0][0].iov_base, block, 1, 0);
    VERIFY(into[0][1].iov_base, 100, 1, block);

    struct iovec odd[3][2] = {{{in + 1, block}, {in + 2 * block, block}},
                              {{in, 100}, {in + 2 * block, block - 100}},
                              {{in, block}, {in + 2 * block, 1}}};
    for (int i = 0; i < 3; i++) {
        ssize_t expected = preadv(descriptor, odd[i], 2, 0);
        int error = expected < 0 ? errno : 0;
        controls[0] = request(descriptor, odd[i], 2, 0);
        OK(aio_readv(&controls[0]));
        EQUAL(wait_for(&controls[0], 10), error);
        EQUAL(aio_return(&controls[0]), expected);
    }
    return 0;
}
