// holds: IOV_MAX (1024) buffers are taken: on files, direct ones, and pipes.
// source: kaio
// modes: linked
#include "../check.h"
#include "../../../include/kaio.h"

enum { count = 1024, block = 4096 };

static struct iovec vector[count];

static void transfer(int (*call)(struct aiocb *), int descriptor, unsigned char *memory, size_t size) {
    for (int i = 0; i < count; i++) vector[i] = (struct iovec){memory + (size_t)i * size, size};
    struct aiocb control = request(descriptor, vector, count, 0);
    OK(call(&control));
    EQUAL(FINISH(&control), count * size);
}

int main(void) {
    size_t sizes[] = {1, 37, block};
    unsigned char *out = aligned_buffer(count * block), *in = aligned_buffer(count * block);
    EQUAL(sysconf(_SC_IOV_MAX), count);
    fill(out, count * block, 1, 0);
    for (int i = 0; i < 4; i++) {
        size_t size = i < 3 ? sizes[i] : block;
        int descriptor = scratch_file(i < 3 ? 0 : O_DIRECT);
        memset(in, 0, count * block);
        transfer(aio_writev, descriptor, out, size);
        transfer(aio_readv, descriptor, in, size);
        VERIFY(in, count * size, 1, 0);
    }
    // Just as much as the pipe holds.
    int ends[2];
    open_pipe(ends);
    memset(in, 0, count * block);
    transfer(aio_writev, ends[1], out, 64);
    transfer(aio_readv, ends[0], in, 64);
    VERIFY(in, count * 64, 1, 0);
    return 0;
}
