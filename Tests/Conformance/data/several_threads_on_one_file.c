// holds: Several threads write and read their own parts of one file, each with requests in flight, and never mix.
// source: aio_read, aio_write
// limit: 60
#include "../check.h"

enum { threads = 8, depth = 16, size = 8192, rounds = 25 };
static int descriptors[2];

static void *work(void *argument) {
    int self = (int)(intptr_t)argument;
    int descriptor = descriptors[self % 2];
    unsigned char *blocks = aligned_buffer(depth * size);
    struct aiocb controls[depth];
    // The threads' parts are interleaved, block by block.
    for (int round = 0; round < rounds; round++) {
        uint64_t seed = (uint64_t)(self * 1000 + round);
        fill(blocks, depth * size, seed, 0);
        for (int i = 0; i < depth; i++) {
            controls[i] = request(descriptor, blocks + i * size, size, (off_t)(i * threads + self) * size);
            OK(aio_write(&controls[i]));
        }
        for (int i = depth - 1; i >= 0; i--) EQUAL(FINISH(&controls[i]), size);
        memset(blocks, 0, depth * size);
        for (int i = 0; i < depth; i++) OK(aio_read(&controls[i]));
        for (int i = 0; i < depth; i++) EQUAL(FINISH(&controls[i]), size);
        VERIFY(blocks, depth * size, seed, 0);
    }
    free(blocks);
    return NULL;
}

int main(void) {
    for (int kind = 0; kind < 2; kind++) {
        // Two descriptors of the file: first buffered, then direct.
        descriptors[0] = scratch_file(kind ? O_DIRECT : 0);
        descriptors[1] = dup(descriptors[0]);
        pthread_t ids[threads];
        for (intptr_t i = 0; i < threads; i++) OK(pthread_create(&ids[i], NULL, work, (void *)i));
        for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
        close(descriptors[0]);
        close(descriptors[1]);
    }
}
