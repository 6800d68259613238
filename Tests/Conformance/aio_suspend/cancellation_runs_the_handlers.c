// holds: The clean-up handlers of a thread that is cancelled in aio_suspend run, and may use every function of aio.h.
// source: aio_suspend
#include "../check.h"

static struct aiocb control;
static int cleaned;

static void clean_up(void *file) {
    EQUAL(aio_error(&control), EINPROGRESS);
    struct aiocb other = request(*(int *)file, "x", 1, 0);
    OK(aio_write(&other));
    EQUAL(FINISH(&other), 1);
    cleaned++;
}

static void *waiter(void *file) {
    const struct aiocb *list[1] = {&control};
    pthread_cleanup_push(clean_up, file);
    aio_suspend(list, 1, NULL);
    pthread_cleanup_pop(0);
    return NULL;
}

int main(void) {
    int ends[2], file = scratch_file(0);
    char byte;
    OK(pipe(ends));
    control = request(ends[0], &byte, 1, 0);
    OK(aio_read(&control));
    for (int round = 1; round <= 50; round++) {
        pthread_t thread;
        OK(pthread_create(&thread, NULL, waiter, &file));
        if (round % 2) sleep_for(0.003);
        OK(pthread_cancel(thread));
        OK(pthread_join(thread, NULL));
        if (round % 2) CHECK(cleaned > 0);
    }
    EQUAL(write(ends[1], "x", 1), 1);
    EQUAL(FINISH(&control), 1);
    return 0;
}
