// holds: A handler set with SA_RESTART ends the wait with EINTR all the same.
// source: kaio (the standard leaves a choice)
// compare: no
#define NEEDS_KAIO
#include "../check.h"

static pthread_t waiter;
static atomic_int handled, stop;

static void handler(int signal) { handled += signal == SIGUSR1; }

// Sends until told to stop: a signal that comes before the wait has begun has no effect on it.
static void *send_signals(void *unused) {
    (void)unused;
    while (!stop) {
        sleep_for(0.1);
        pthread_kill(waiter, SIGUSR1);
    }
    return NULL;
}

static void check_with(int flags) {
    int ends[2];
    open_pipe(ends);
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    OK(sigaction(SIGUSR1, &action, NULL));
    char byte;
    struct aiocb control = request(ends[0], &byte, 1, 0);
    const struct aiocb *list[] = {&control};
    const struct timespec timeout = {100, 0};
    OK(aio_read(&control));

    pthread_t sender;
    stop = 0;
    OK(pthread_create(&sender, NULL, send_signals, NULL));
    for (int i = 0; i < 6; i++) {
        int64_t took;
        int before = handled;
        FAILS(timed_suspend(list, 1, i % 2 ? &timeout : NULL, &took), EINTR);
        CHECK(handled > before);
        EQUAL(aio_error(&control), EINPROGRESS);
    }
    stop = 1;
    pthread_join(sender, NULL);

    EQUAL(write(ends[1], "x", 1), 1);
    EQUAL(FINISH(&control), 1);
    EQUAL(byte, 'x');
}

int main(void) {
    waiter = pthread_self();
    check_with(SA_RESTART);
}
