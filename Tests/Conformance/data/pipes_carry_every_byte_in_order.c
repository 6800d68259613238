// holds: Writes much larger than a pipe are written whole; reads of a pipe are served in the order of the calls.
// source: aio_read, aio_write
#include "../check.h"

enum { writes = 8, reads = 64, total = 4 << 20 };

int main(void) {
    int ends[2];
    open_pipe(ends);
    unsigned char *out = aligned_buffer(total), *in = aligned_buffer(total);
    static struct aiocb writing[writes], reading[reads];
    fill(out, total, 3, 0);
    for (int i = 0; i < writes; i++) {
        writing[i] = request(ends[1], out + i * (total / writes), total / writes, 0);
        OK(aio_write(&writing[i]));
    }
    // A read takes what is there, so the place of the next one is known only when this one is finished.
    size_t got = 0;
    while (got < total) {
        size_t size = total / reads < total - got ? total / reads : total - got;
        reading[0] = request(ends[0], in + got, size, 0);
        OK(aio_read(&reading[0]));
        ssize_t count = FINISH(&reading[0]);
        CHECK(count > 0);
        got += (size_t)count;
    }
    VERIFY(in, total, 3, 0);
    for (int i = 0; i < writes; i++) EQUAL(FINISH(&writing[i]), total / writes);

    // Many reads in flight; bytes come one at a time and go to the reads in order.
    memset(in, 0, reads);
    for (int i = 0; i < reads; i++) {
        reading[i] = request(ends[0], in + i, 1, 0);
        OK(aio_read(&reading[i]));
    }
    for (int i = 0; i < reads; i++) {
        EQUAL(write(ends[1], out + i, 1), 1);
        EQUAL(FINISH(&reading[i]), 1);
        EQUAL(in[i], out[i]);
        for (int j = i + 1; j < reads; j++) EQUAL(aio_error(&reading[j]), EINPROGRESS);
    }
    close(ends[1]);
    reading[0] = request(ends[0], in, 1, 0);
    OK(aio_read(&reading[0]));
    EQUAL(FINISH(&reading[0]), 0);
}
