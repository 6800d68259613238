// holds: A request belongs to the process: it completes, and notifies, though the thread that made it has ended.
// source: aio_read
#include "../check.h"

static struct aiocb controls[3];
static char bytes[3];
static int ends[2];

static void *starter(void *unused) {
    for (int i = 0; i < 3; i++) {
        controls[i] = request(ends[0], &bytes[i], 1, 0);
        controls[i].aio_sigevent.sigev_notify = i == 2 ? SIGEV_SIGNAL : SIGEV_NONE;
        controls[i].aio_sigevent.sigev_signo = i == 2 ? SIGUSR1 : 0;
        OK(aio_read(&controls[i]));
    }
    return unused;
}

int main(void) {
    sigset_t set;
    struct timespec limit = {10, 0};
    OK(pipe(ends));
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
    for (int round = 0; round < 100; round++) {
        pthread_t thread;
        OK(pthread_create(&thread, NULL, starter, NULL));
        OK(pthread_join(thread, NULL));
        EQUAL(write(ends[1], "abc", 3), 3);
        for (int i = 0; i < 3; i++) EQUAL(FINISH(&controls[i]), 1);
        EQUAL(memcmp(bytes, "abc", 3), 0);
        EQUAL(sigtimedwait(&set, NULL, &limit), SIGUSR1);
    }
    return 0;
}
