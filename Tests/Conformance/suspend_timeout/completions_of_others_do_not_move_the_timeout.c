// holds: Completions of requests that are not in the list neither end the wait early nor start its time afresh.
// source: aio_suspend
#include "../check.h"

static atomic_int stop;

static void *keep_busy(void *unused) {
    (void)unused;
    int descriptor = scratch_file(0), ends[2];
    open_pipe(ends);
    char block[512] = {0}, byte;
    while (!stop) {
        struct aiocb reading = request(ends[0], &byte, 1, 0);
        struct aiocb writing = request(descriptor, block, sizeof block, 0);
        OK(aio_read(&reading));
        OK(aio_write(&writing));
        EQUAL(FINISH(&writing), sizeof block);
        EQUAL(write(ends[1], "x", 1), 1);
        EQUAL(FINISH(&reading), 1);
    }
    return NULL;
}

int main(void) {
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) OK(pthread_create(&threads[i], NULL, keep_busy, NULL));
    int ends[2];
    open_pipe(ends);
    char byte;
    struct aiocb control = request(ends[0], &byte, 1, 0);
    const struct aiocb *list[] = {&control};
    OK(aio_read(&control));
    for (int i = 1; i <= 4; i++) {
        struct timespec timeout = interval(i * 200000000);
        int64_t took;
        FAILS(timed_suspend(list, 1, &timeout, &took), EAGAIN);
        CHECK(took >= i * 200000000);
    }
    stop = 1;  // only now: the others went on until the last wait was over
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
}
