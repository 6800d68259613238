// holds: A thread that is cancelled in aio_suspend, before or during the wait, ends; the request and the other waiters go on.
// source: aio_suspend
// limit: 40
#include "../check.h"

static struct aiocb control;
static int ready[2];

static void *waiter(void *unused) {
    const struct aiocb *list[1] = {&control};
    EQUAL(write(ready[1], "r", 1), 1);
    while (aio_suspend(list, 1, NULL) != 0) {}
    return unused;
}

static pthread_t start_waiter(void) {
    pthread_t thread;
    char byte;
    OK(pthread_create(&thread, NULL, waiter, NULL));
    EQUAL(read(ready[0], &byte, 1), 1);
    return thread;
}

int main(void) {
    int ends[2];
    char byte;
    OK(pipe(ends));
    OK(pipe(ready));
    for (int round = 0; round < 300; round++) {
        control = request(ends[0], &byte, 1, 0);
        OK(aio_read(&control));
        // The first to wait is cancelled in one half of the rounds, the last in the other.
        pthread_t first = start_waiter(), last = start_waiter();
        pthread_t *victim = round % 2 ? &first : &last, *other = round % 2 ? &last : &first;
        if (round % 3 == 0) sleep_for(0.002);
        OK(pthread_cancel(*victim));
        void *result;
        OK(pthread_join(*victim, &result));
        CHECK(result == PTHREAD_CANCELED);
        EQUAL(aio_error(&control), EINPROGRESS);
        EQUAL(write(ends[1], "x", 1), 1);
        OK(pthread_join(*other, &result));
        CHECK(result == NULL);
        EQUAL(FINISH(&control), 1);
    }
    return 0;
}
