// holds: A timeout too long to be added to the clock waits like a null one.
// source: aio_suspend
#include "../check.h"

static int ends[2];
static atomic_int written;

static void *write_later(void *unused) {
    (void)unused;
    sleep_for(0.2);
    written = 1;
    EQUAL(write(ends[1], "x", 1), 1);
    return NULL;
}

int main(void) {
    open_pipe(ends);
    const struct timespec timeouts[] = {{LONG_MAX, 999999999}, {LONG_MAX / 1000000000, 999999999},
                                        {LONG_MAX / 1000000000 - 1000, 0}};
    for (int i = 0; i < 3; i++) {
        char byte = 0;
        struct aiocb control = request(ends[0], &byte, 1, 0);
        const struct aiocb *list[] = {&control};
        written = 0;
        OK(aio_read(&control));
        pthread_t thread;
        OK(pthread_create(&thread, NULL, write_later, NULL));
        int64_t took;
        OK(timed_suspend(list, 1, &timeouts[i], &took));
        CHECK(written);
        EQUAL(aio_return(&control), 1);
        pthread_join(thread, NULL);
    }
}
