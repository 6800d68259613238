// holds: When one request is in the lists of many threads, all of them return when it is done.
// source: aio_suspend
#include "../check.h"

static struct aiocb control;
static void *waiter(void *unused) {
    const struct aiocb *list[1] = {&control};
    OK(aio_suspend(list, 1, NULL));
    EQUAL(aio_error(&control), 0);
    return unused;
}

int main(void) {
    int ends[2];
    char byte;
    OK(pipe(ends));
    for (int round = 0; round < 50; round++) {
        pthread_t threads[16];
        control = request(ends[0], &byte, 1, 0);
        OK(aio_read(&control));
        for (int i = 0; i < 16; i++) OK(pthread_create(&threads[i], NULL, waiter, NULL));
        if (round % 2) sleep_for(0.005);
        EQUAL(write(ends[1], "x", 1), 1);
        for (int i = 0; i < 16; i++) OK(pthread_join(threads[i], NULL));
        EQUAL(aio_return(&control), 1);
    }
    return 0;
}
