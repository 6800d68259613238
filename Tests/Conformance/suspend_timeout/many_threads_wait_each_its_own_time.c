// holds: Many threads in aio_suspend at once: each ends by its own completion or its own timeout, never early.
// source: aio_suspend
#include "../check.h"

enum { count = 32 };

static struct waiter {
    pthread_t thread;
    int ends[2];
    int64_t timeout;
    atomic_int written;
} waiters[count];

static pthread_barrier_t start;

// Every second thread gets its byte; the others' pipes stay empty.
static void *wait_alone(void *argument) {
    struct waiter *waiter = argument;
    char byte = 0;
    struct aiocb control = request(waiter->ends[0], &byte, 1, 0);
    const struct aiocb *list[] = {&control};
    OK(aio_read(&control));
    pthread_barrier_wait(&start);
    if ((waiter - waiters) % 2) {
        struct timespec timeout = {100, 0};
        int64_t took;
        OK(timed_suspend(list, 1, &timeout, &took));
        CHECK(waiter->written);
        EQUAL(aio_error(&control), 0);
        EQUAL(aio_return(&control), 1);
    } else {
        struct timespec timeout = interval(waiter->timeout);
        int64_t took;
        FAILS(timed_suspend(list, 1, &timeout, &took), EAGAIN);
        CHECK(took >= waiter->timeout);
        EQUAL(aio_error(&control), EINPROGRESS);
        EQUAL(write(waiter->ends[1], "y", 1), 1);
        EQUAL(FINISH(&control), 1);
    }
    return NULL;
}

int main(void) {
    OK(pthread_barrier_init(&start, NULL, count + 1));
    for (int i = 0; i < count; i++) {
        waiters[i].timeout = (i + 1) * 37000000;
        open_pipe(waiters[i].ends);
        OK(pthread_create(&waiters[i].thread, NULL, wait_alone, &waiters[i]));
    }
    pthread_barrier_wait(&start);
    for (int i = count - 1; i > 0; i -= 2) {
        sleep_for(0.04);
        waiters[i].written = 1;
        EQUAL(write(waiters[i].ends[1], "x", 1), 1);
    }
    for (int i = 0; i < count; i++) pthread_join(waiters[i].thread, NULL);
}
