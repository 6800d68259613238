// holds: While a handler waits in aio_suspend on a thread that waited there already, other threads are woken for their own requests.
// source: aio_suspend (async-signal-safe)
#include "../check.h"

static int ends[3][2], ready[2];
static char bytes[3];
static struct aiocb controls[3];

static void wait_until_done(int i) {
    const struct aiocb *list[1] = {&controls[i]};
    while (aio_suspend(list, 1, NULL) != 0) EQUAL(errno, EINTR);
    EQUAL(aio_error(&controls[i]), 0);
}

static void handler(int number) {
    (void)number;
    EQUAL(write(ready[1], "h", 1), 1);
    wait_until_done(1);
}

static void *outer(void *unused) {
    wait_until_done(0);
    return unused;
}

static void *other(void *unused) {
    wait_until_done(2);
    return unused;
}

int main(void) {
    struct sigaction action = {.sa_handler = handler};
    OK(sigaction(SIGUSR1, &action, NULL));
    OK(pipe(ready));
    for (int i = 0; i < 3; i++) OK(pipe(ends[i]));
    deadline(15);
    for (int round = 0; round < 100; round++) {
        pthread_t threads[2];
        char byte;
        for (int i = 0; i < 3; i++) {
            controls[i] = request(ends[i][0], &bytes[i], 1, 0);
            OK(aio_read(&controls[i]));
        }
        OK(pthread_create(&threads[0], NULL, outer, NULL));
        if (round % 2) sleep_for(0.001);
        OK(pthread_create(&threads[1], NULL, other, NULL));
        sleep_for(0.001);
        OK(pthread_kill(threads[0], SIGUSR1));
        EQUAL(read(ready[0], &byte, 1), 1);
        EQUAL(write(ends[2][1], "x", 1), 1);
        OK(pthread_join(threads[1], NULL));
        EQUAL(write(ends[round % 4 / 2][1], "x", 1), 1);
        EQUAL(write(ends[1 - round % 4 / 2][1], "x", 1), 1);
        OK(pthread_join(threads[0], NULL));
        for (int i = 0; i < 3; i++) EQUAL(FINISH(&controls[i]), 1);
    }
    return 0;
}
