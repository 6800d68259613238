// holds: Of many threads that wait for the same request, every one returns 0 when it is finished.
// source: aio_suspend
#include "../check.h"

enum { count = 24 };
static struct aiocb control;
static atomic_int written;
static pthread_barrier_t start;

static void *wait_together(void *argument) {
    const struct aiocb *list[] = {&control};
    const struct timespec timeout = {100, 0};
    pthread_barrier_wait(&start);
    int64_t took;
    OK(timed_suspend(list, 1, argument ? &timeout : NULL, &took));
    CHECK(written);
    EQUAL(aio_error(&control), 0);
    return NULL;
}

int main(void) {
    int ends[2];
    open_pipe(ends);
    char byte;
    pthread_t threads[count];
    control = request(ends[0], &byte, 1, 0);
    OK(aio_read(&control));
    OK(pthread_barrier_init(&start, NULL, count + 1));
    for (int i = 0; i < count; i++)
        OK(pthread_create(&threads[i], NULL, wait_together, i % 2 ? &control : NULL));
    pthread_barrier_wait(&start);
    sleep_for(0.3);
    written = 1;
    EQUAL(write(ends[1], "x", 1), 1);
    for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
    EQUAL(aio_return(&control), 1);
}
