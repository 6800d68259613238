// holds: A null timeout waits without an end: aio_suspend returns 0 once the request is finished, not before.
// source: aio_suspend
#include "../check.h"

static int ends[2];
static atomic_int written;

static void *write_later(void *unused) {
    (void)unused;
    sleep_for(0.4);
    written = 1;
    EQUAL(write(ends[1], "x", 1), 1);
    return NULL;
}

int main(void) {
    open_pipe(ends);
    char byte = 0;
    struct aiocb control = request(ends[0], &byte, 1, 0);
    const struct aiocb *list[] = {&control};
    OK(aio_read(&control));

    pthread_t thread;
    OK(pthread_create(&thread, NULL, write_later, NULL));
    int64_t took;
    OK(timed_suspend(list, 1, NULL, &took));
    CHECK(written);
    EQUAL(aio_error(&control), 0);
    EQUAL(aio_return(&control), 1);
    EQUAL(byte, 'x');
    pthread_join(thread, NULL);
}
