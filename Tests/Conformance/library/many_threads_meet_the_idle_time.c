// holds: Requests that come at the very moment when everything is given back are done like any other.
// source: kaio
// environment: KAIO_IDLE_SECONDS=1
// limit: 60
#include "../check.h"

enum { threads = 4, rounds = 12, size = 4096 };
static int direct;
static pthread_barrier_t start;

static void *work(void *argument) {
    int self = (int)(intptr_t)argument;
    unsigned char *block = aligned_buffer(size);
    for (int round = 0; round < rounds; round++) {
        pthread_barrier_wait(&start);
        // Spread closely around the second after the last round.
        sleep_for(1 + 0.004 * (round % 6) + 0.001 * self);
        struct aiocb control = request(direct, block, size, self * size);
        memset(block, 0, size);
        OK(aio_read(&control));
        EQUAL(FINISH(&control), size);
        VERIFY(block, size, 1, (uint64_t)self * size);
    }
    return NULL;
}

int main(void) {
    direct = scratch_file(O_DIRECT);
    write_pattern(direct, threads * size, 1, 0);
    OK(pthread_barrier_init(&start, NULL, threads));
    pthread_t ids[threads];
    for (intptr_t i = 0; i < threads; i++) OK(pthread_create(&ids[i], NULL, work, (void *)i));
    for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
}
