// holds: Requests with vectors that overlap take effect in the order of the calls, aio_fsync waits for them, and those beside them pass a slow one.
// source: kaio
// modes: linked
// limit: 40
#include "../check.h"
#include "../slow.h"
#include "../../../include/kaio.h"

enum { size = 60000 };

int main(void) {
    static unsigned char out[4][size], in[size];
    int descriptor = scratch_file(0);
    write_pattern(descriptor, 4 * SLOW_SIZE, 9, 0);

    // The first write is slow: its last buffer is not there yet.
    struct slow slow = slow_memory();
    unsigned char *content = aligned_buffer(SLOW_SIZE);
    fill(content, SLOW_SIZE, 1, 0);
    unsigned char head[100];
    fill(head, sizeof head, 2, 0);
    struct iovec first[2] = {{head, sizeof head}, {slow.memory, SLOW_SIZE}};
    // Of the second only the last byte lies in the first's range, and it is read afterwards.
    fill(out[0], size, 3, 0);
    struct iovec second[2] = {{out[0], size - 1}, {out[0] + size - 1, 1}};
    off_t start = 2 * SLOW_SIZE, end = start + (off_t)(sizeof head + SLOW_SIZE);
    struct iovec third[3] = {{in, 1}, {in + 1, 0}, {in + 1, size - 1}};
    struct iovec beside[2] = {{out[1], 10}, {out[1] + 10, 10}};

    struct aiocb controls[4] = {request(descriptor, first, 2, start), request(descriptor, second, 2, end - 1),
                                request(descriptor, third, 3, end - 1), request(descriptor, NULL, 0, 0)};
    struct aiocb passing[2] = {request(descriptor, beside, 2, start - 20), request(descriptor, beside, 2, end + size)};
    OK(aio_writev(&controls[0]));
    SLOW_TOUCHED(&slow);
    OK(aio_writev(&controls[1]));
    OK(aio_readv(&controls[2]));
    OK(aio_fsync(O_SYNC, &controls[3]));
    OK(aio_readv(&passing[0]));
    OK(aio_readv(&passing[1]));
    for (int i = 0; i < 2; i++) EQUAL(FINISH(&passing[i]), 20);
    sleep_for(0.05);
    for (int i = 0; i < 4; i++) EQUAL(aio_error(&controls[i]), EINPROGRESS);
    slow_release(&slow, content);
    EQUAL(FINISH(&controls[3]), 0);
    EQUAL(FINISH(&controls[2]), size);
    EQUAL(FINISH(&controls[1]), size);
    EQUAL(FINISH(&controls[0]), sizeof head + SLOW_SIZE);
    VERIFY(in, size, 3, 0);
    unsigned char *written = aligned_buffer(SLOW_SIZE);
    EQUAL(pread(descriptor, written, sizeof head + 1000, start), sizeof head + 1000);
    VERIFY(written, sizeof head, 2, 0);
    VERIFY(written + sizeof head, 1000, 1, 0);
    EQUAL(pread(descriptor, written, SLOW_SIZE - 1, start + (off_t)sizeof head), SLOW_SIZE - 1);
    VERIFY(written, SLOW_SIZE - 1, 1, 0);

    // Many writes over each other: the last one stays.
    static struct aiocb many[100];
    static struct iovec vectors[100][2];
    static unsigned char last[100][4096];
    for (int i = 0; i < 100; i++) {
        fill(last[i], 4096, 100 + (uint64_t)i, 0);
        vectors[i][0] = (struct iovec){last[i], 1 + (size_t)i * 40};
        vectors[i][1] = (struct iovec){last[i] + 1 + i * 40, 4095 - (size_t)i * 40};
        many[i] = request(descriptor, vectors[i], 2, 0);
        OK(aio_writev(&many[i]));
    }
    for (int i = 0; i < 100; i++) EQUAL(FINISH(&many[i]), 4096);
    EQUAL(pread(descriptor, in, 4096, 0), 4096);
    VERIFY(in, 4096, 199, 0);
    return 0;
}
