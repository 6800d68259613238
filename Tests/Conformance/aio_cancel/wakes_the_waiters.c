// holds: aio_suspend and lio_listio(LIO_WAIT) in other threads return when what they wait for is cancelled.
// source: aio_cancel
#include "../check.h"

static struct aiocb alone, member;
static pthread_barrier_t barrier;

static void *suspended(void *unused) {
    const struct aiocb *list[1] = {&alone};
    pthread_barrier_wait(&barrier);
    OK(aio_suspend(list, 1, NULL));
    EQUAL(aio_error(&alone), ECANCELED);
    return unused;
}

static void *listed(void *unused) {
    struct aiocb *list[1] = {&member};
    pthread_barrier_wait(&barrier);
    FAILS(lio_listio(LIO_WAIT, list, 1, NULL), EIO);
    EQUAL(aio_error(&member), ECANCELED);
    return unused;
}

int main(void) {
    int ends[2];
    char bytes[3];
    pthread_t threads[2];
    OK(pipe(ends));
    OK(pthread_barrier_init(&barrier, NULL, 3));
    // One stands before both, where a read that waits for data cannot be cancelled.
    struct aiocb head = request(ends[0], &bytes[0], 1, 0);
    alone = request(ends[0], &bytes[1], 1, 0);
    member = request(ends[0], &bytes[2], 1, 0);
    member.aio_lio_opcode = LIO_READ;
    OK(aio_read(&head));
    OK(aio_read(&alone));
    OK(pthread_create(&threads[0], NULL, suspended, NULL));
    OK(pthread_create(&threads[1], NULL, listed, NULL));
    pthread_barrier_wait(&barrier);
    sleep_for(0.05);
    EQUAL(aio_cancel(ends[0], &alone), AIO_CANCELED);
    while (aio_cancel(ends[0], &member) != AIO_CANCELED) sleep_for(0.001);
    for (int i = 0; i < 2; i++) OK(pthread_join(threads[i], NULL));
    return 0;
}
