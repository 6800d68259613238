// holds: A handler may leave aio_suspend by siglongjmp, as it may any async-signal-safe function: later calls, and other threads' waits, go on.
// source: aio_suspend (async-signal-safe)
// environment: KAIO_ABORT_HEALED=0
#include "../check.h"
#include <setjmp.h>

static sigjmp_buf place;
static int ends[2][2];
static char bytes[2];
static struct aiocb controls[2];
static void handler(int number) { siglongjmp(place, number); }

static void *other(void *unused) {
    const struct aiocb *list[1] = {&controls[1]};
    OK(aio_suspend(list, 1, NULL));
    EQUAL(aio_error(&controls[1]), 0);
    return unused;
}

// The signal is for the first thread only, from the other's first instruction on.
static void start_other(pthread_t *thread) {
    sigset_t set, before;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    OK(pthread_sigmask(SIG_BLOCK, &set, &before));
    OK(pthread_create(thread, NULL, other, NULL));
    OK(pthread_sigmask(SIG_SETMASK, &before, NULL));
}

int main(void) {
    struct sigaction action = {.sa_handler = handler};
    OK(sigaction(SIGALRM, &action, NULL));
    for (int i = 0; i < 2; i++) OK(pipe(ends[i]));
    deadline(15);
    for (volatile int round = 0; round < 50; round++) {
        pthread_t thread;
        const struct aiocb *list[1] = {&controls[0]};
        for (int i = 0; i < 2; i++) {
            controls[i] = request(ends[i][0], &bytes[i], 1, 0);
            OK(aio_read(&controls[i]));
        }
        // The other waits already, or comes later.
        if (round % 2) start_other(&thread);
        if (sigsetjmp(place, 1) == 0) {
            ualarm(5000, 0);
            aio_suspend(list, 1, NULL);
            failed(__FILE__, __LINE__, "aio_suspend returned");
        }
        if (round % 2 == 0) start_other(&thread);
        EQUAL(write(ends[1][1], "x", 1), 1);
        OK(pthread_join(thread, NULL));
        EQUAL(aio_error(&controls[0]), EINPROGRESS);
        EQUAL(write(ends[0][1], "x", 1), 1);
        EQUAL(FINISH(&controls[0]), 1);
        EQUAL(aio_return(&controls[1]), 1);
    }
    return 0;
}
