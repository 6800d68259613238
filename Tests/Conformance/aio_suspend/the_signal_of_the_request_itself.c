// holds: When the request that is waited for also sends a signal, aio_suspend gives 0 or EINTR, and the request is done.
// source: aio_suspend
#include "../check.h"

static volatile sig_atomic_t caught;
static void handler(int number) { caught = number; }

static int ends[2];
static void *writer(void *unused) {
    EQUAL(write(ends[1], "x", 1), 1);
    return unused;
}

int main(void) {
    char byte;
    OK(pipe(ends));
    struct sigaction action = {.sa_handler = handler};
    OK(sigaction(SIGUSR1, &action, NULL));
    for (int i = 0; i < 200; i++) {
        pthread_t thread;
        struct aiocb control = request(ends[0], &byte, 1, 0);
        const struct aiocb *list[1] = {&control};
        control.aio_sigevent.sigev_notify = SIGEV_SIGNAL;
        control.aio_sigevent.sigev_signo = SIGUSR1;
        caught = 0;
        OK(aio_read(&control));
        OK(pthread_create(&thread, NULL, writer, NULL));
        int result = aio_suspend(list, 1, NULL);
        CHECK(result == 0 || (result == -1 && errno == EINTR));
        EQUAL(FINISH(&control), 1);
        OK(pthread_join(thread, NULL));
        for (double end = now() + 10; !caught && now() < end;) sleep_for(0.001);
        EQUAL(caught, SIGUSR1);
    }
    return 0;
}
