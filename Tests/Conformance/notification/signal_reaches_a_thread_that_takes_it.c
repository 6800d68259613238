// holds: The signal is sent to the process: a thread that has it unblocked handles it, not the one that submitted.
// source: aio.h
#include "../check.h"

static atomic_int handled_by;
static pthread_barrier_t ready;
static atomic_int over;

static void handler(int number) { handled_by = number == SIGUSR1 ? (int)syscall(SYS_gettid) : -1; }

static void *take_signals(void *id) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    OK(pthread_sigmask(SIG_UNBLOCK, &set, NULL));
    *(int *)id = (int)syscall(SYS_gettid);
    pthread_barrier_wait(&ready);
    while (!over) sleep_for(0.01);
    return NULL;
}

int main(void) {
    signal(SIGUSR1, handler);
    sigset_t set;
    sigfillset(&set);
    OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
    OK(pthread_barrier_init(&ready, NULL, 2));
    pthread_t thread;
    int taker = 0;
    OK(pthread_create(&thread, NULL, take_signals, &taker));
    pthread_barrier_wait(&ready);

    int descriptor = scratch_file(0);
    char block[512] = {0};
    for (int i = 0; i < 50; i++) {
        struct aiocb control = request(descriptor, block, sizeof block, 0);
        control.aio_sigevent.sigev_notify = SIGEV_SIGNAL;
        control.aio_sigevent.sigev_signo = SIGUSR1;
        handled_by = 0;
        OK(aio_write(&control));
        for (double end = now() + 10; !handled_by && now() < end;) sleep_for(0.001);
        EQUAL(handled_by, taker);
        EQUAL(aio_return(&control), sizeof block);
    }
    over = 1;
    pthread_join(thread, NULL);
}
