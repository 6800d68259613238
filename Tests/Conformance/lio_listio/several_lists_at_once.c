// holds: Lists that several threads wait for at once do not disturb each other.
// source: lio_listio
// limit: 40
#include "../check.h"

#define THREADS 6
#define COUNT 16

static void *worker(void *argument) {
    uint64_t seed = (uint64_t)(intptr_t)argument;
    int file = scratch_file(seed % 2 ? O_DIRECT : 0);
    unsigned char *data = aligned_buffer(COUNT * 8192);
    struct aiocb controls[COUNT], *list[COUNT];
    for (int round = 0; round < 60; round++) {
        fill(data, COUNT * 8192, seed + (uint64_t)round, 0);
        for (int mode = 0; mode < 2; mode++) {
            for (int i = 0; i < COUNT; i++) {
                controls[i] = request(file, data + i * 8192, 8192, i * 8192);
                controls[i].aio_lio_opcode = mode ? LIO_READ : LIO_WRITE;
                list[i] = &controls[i];
            }
            if (mode) memset(data, 0, COUNT * 8192);
            OK(lio_listio(LIO_WAIT, list, COUNT, NULL));
            for (int i = 0; i < COUNT; i++) {
                EQUAL(aio_error(&controls[i]), 0);
                EQUAL(aio_return(&controls[i]), 8192);
            }
        }
        VERIFY(data, COUNT * 8192, seed + (uint64_t)round, 0);
    }
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) OK(pthread_create(&threads[i], NULL, worker, (void *)(intptr_t)(i * 1000)));
    for (int i = 0; i < THREADS; i++) OK(pthread_join(threads[i], NULL));
    return 0;
}
