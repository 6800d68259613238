// holds: A thread that has disabled cancellation is not cancelled in aio_suspend.
// source: aio_suspend
#include "../check.h"

static struct aiocb control;

static void *waiter(void *unused) {
    const struct aiocb *list[1] = {&control};
    int state;
    OK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state));
    while (aio_suspend(list, 1, NULL) != 0) EQUAL(errno, EINTR);
    EQUAL(aio_error(&control), 0);
    return unused;
}

int main(void) {
    int ends[2];
    char byte;
    OK(pipe(ends));
    control = request(ends[0], &byte, 1, 0);
    OK(aio_read(&control));
    pthread_t thread;
    void *result;
    int argument;
    OK(pthread_create(&thread, NULL, waiter, &argument));
    sleep_for(0.05);
    OK(pthread_cancel(thread));
    sleep_for(0.05);
    EQUAL(write(ends[1], "x", 1), 1);
    OK(pthread_join(thread, &result));
    CHECK(result == &argument);
    return 0;
}
