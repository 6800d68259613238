// holds: A signal that is blocked or ignored neither ends nor lengthens the wait.
// source: aio_suspend
#include "../check.h"

static pthread_t waiter;
static atomic_int handled, stop;

static void handler(int signal) { handled += signal != 0; }

static void *send_signals(void *unused) {
    (void)unused;
    for (; !stop; sleep_for(0.01)) {
        pthread_kill(waiter, SIGUSR1);
        pthread_kill(waiter, SIGUSR2);
        pthread_kill(waiter, SIGWINCH);
    }
    return NULL;
}

int main(void) {
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    OK(pthread_sigmask(SIG_BLOCK, &blocked, NULL));
    signal(SIGUSR1, handler);
    signal(SIGUSR2, SIG_IGN);
    waiter = pthread_self();

    int ends[2];
    open_pipe(ends);
    char byte;
    struct aiocb control = request(ends[0], &byte, 1, 0);
    const struct aiocb *list[] = {&control};
    OK(aio_read(&control));
    pthread_t sender;
    OK(pthread_create(&sender, NULL, send_signals, NULL));
    for (int i = 1; i <= 3; i++) {
        struct timespec timeout = interval(i * 150000000);
        int64_t took;
        FAILS(timed_suspend(list, 1, &timeout, &took), EAGAIN);
        CHECK(took >= i * 150000000);
        EQUAL(handled, 0);
    }
    stop = 1;  // only now: the signals came until each wait was over
    pthread_join(sender, NULL);
    OK(pthread_sigmask(SIG_UNBLOCK, &blocked, NULL));
    EQUAL(handled, 1);
}
