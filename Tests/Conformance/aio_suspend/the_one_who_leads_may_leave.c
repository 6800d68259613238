// holds: Threads go on waiting, and are woken, when others that wait give up (timeout, signal) at any time.
// source: aio_suspend
#include "../check.h"

#define THREADS 8

static int ends[THREADS][2];
static struct aiocb controls[THREADS];
static void handler(int number) { (void)number; }

static void *waiter(void *argument) {
    int me = (int)(intptr_t)argument;
    const struct aiocb *list[1] = {&controls[me]};
    // Some give up again and again; the others wait as long as it takes.
    struct timespec short_ = {0, 1000000 * (1 + me)};
    while (aio_suspend(list, 1, me % 2 ? &short_ : NULL) != 0) CHECK(errno == EAGAIN || errno == EINTR);
    EQUAL(aio_error(&controls[me]), 0);
    return NULL;
}

int main(void) {
    struct sigaction action = {.sa_handler = handler};
    OK(sigaction(SIGUSR1, &action, NULL));
    char bytes[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        OK(pipe(ends[i]));
        controls[i] = request(ends[i][0], &bytes[i], 1, 0);
        OK(aio_read(&controls[i]));
    }
    for (int i = 0; i < THREADS; i++) OK(pthread_create(&threads[i], NULL, waiter, (void *)(intptr_t)i));
    for (int i = 0; i < 200; i++) {
        pthread_kill(threads[i % THREADS], SIGUSR1);
        sleep_for(0.002);
    }
    for (int i = THREADS - 1; i >= 0; i--) {
        EQUAL(write(ends[i][1], "x", 1), 1);
        OK(pthread_join(threads[i], NULL));
        EQUAL(aio_return(&controls[i]), 1);
    }
    return 0;
}
