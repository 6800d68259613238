// holds: aio_suspend and lio_listio(LIO_WAIT) return when what they wait for is cancelled because its descriptor is closed.
// source: close
// compare: no
#define NEEDS_KAIO
#include "../check.h"

static struct aiocb controls[2];
static pthread_barrier_t barrier;

static void *waiter(void *argument) {
    int lists = argument != NULL;
    struct aiocb *member[1] = {&controls[lists]};
    const struct aiocb *list[1] = {&controls[lists]};
    if (!lists) OK(aio_read(&controls[0]));
    pthread_barrier_wait(&barrier);
    if (lists) FAILS(lio_listio(LIO_WAIT, member, 1, NULL), EIO);
    else OK(aio_suspend(list, 1, NULL));
    EQUAL(aio_error(&controls[lists]), ECANCELED);
    EQUAL(aio_return(&controls[lists]), -1);
    return NULL;
}

int main(void) {
    OK(pthread_barrier_init(&barrier, NULL, 3));
    for (int round = 0; round < 50; round++) {
        int ends[2];
        char bytes[2];
        pthread_t threads[2];
        OK(pipe(ends));
        for (int i = 0; i < 2; i++) {
            controls[i] = request(ends[0], &bytes[i], 1, 0);
            controls[i].aio_lio_opcode = LIO_READ;
            OK(pthread_create(&threads[i], NULL, waiter, i ? &barrier : NULL));
        }
        pthread_barrier_wait(&barrier);
        for (double end = now() + 10; aio_error(&controls[1]) != EINPROGRESS && now() < end;) sleep_for(0.0005);
        OK(close(ends[0]));
        for (int i = 0; i < 2; i++) OK(pthread_join(threads[i], NULL));
        OK(close(ends[1]));
    }
    return 0;
}
