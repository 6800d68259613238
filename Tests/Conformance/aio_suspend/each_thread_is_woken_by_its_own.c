// holds: Of many threads that wait at once, with lists that overlap, each returns when one of its own requests is done.
// source: aio_suspend
// limit: 40
#include "../check.h"

#define THREADS 8
#define ROUNDS 100

// Thread i waits for the pipes i and i + 1. A byte in pipe i is meant for the threads i and i - 1; another is
// written only when both have said that they woke.
static int ends[THREADS][2], woke[2];
static struct aiocb controls[THREADS];
static char bytes[THREADS];
static pthread_barrier_t start, finish;

static void *waiter(void *argument) {
    int me = (int)(intptr_t)argument, right = (me + 1) % THREADS;
    const struct aiocb *list[2] = {&controls[me], &controls[right]};
    for (int round = 0; round < ROUNDS; round++) {
        pthread_barrier_wait(&start);
        OK(aio_suspend(list, 2, NULL));
        CHECK(aio_error(&controls[me]) == 0 || aio_error(&controls[right]) == 0);
        EQUAL(write(woke[1], &me, sizeof me), sizeof me);
        pthread_barrier_wait(&finish);
    }
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    OK(pipe(woke));
    OK(pthread_barrier_init(&start, NULL, THREADS + 1));
    OK(pthread_barrier_init(&finish, NULL, THREADS + 1));
    for (int i = 0; i < THREADS; i++) OK(pipe(ends[i]));
    for (int i = 0; i < THREADS; i++) OK(pthread_create(&threads[i], NULL, waiter, (void *)(intptr_t)i));
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < THREADS; i++) {
            controls[i] = request(ends[i][0], &bytes[i], 1, 0);
            OK(aio_read(&controls[i]));
        }
        pthread_barrier_wait(&start);
        // Two threads wake for every second pipe, in an order that changes with the round.
        for (int i = 0; i < THREADS; i += 2) {
            int pipe_ = (i + round) % THREADS, me;
            EQUAL(write(ends[pipe_][1], "x", 1), 1);
            for (int j = 0; j < 2; j++) {
                EQUAL(read(woke[0], &me, sizeof me), sizeof me);
                CHECK(me == pipe_ || (me + 1) % THREADS == pipe_);
            }
        }
        pthread_barrier_wait(&finish);
        for (int i = 0; i < THREADS; i++) {
            if (aio_error(&controls[i]) == EINPROGRESS) EQUAL(write(ends[i][1], "x", 1), 1);
            EQUAL(FINISH(&controls[i]), 1);
        }
    }
    for (int i = 0; i < THREADS; i++) OK(pthread_join(threads[i], NULL));
    return 0;
}
