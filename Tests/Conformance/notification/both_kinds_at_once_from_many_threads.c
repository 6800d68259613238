// holds: Thousands of requests of several threads, with signals, functions and neither: each notifies exactly as asked.
// source: aio.h
#include "../check.h"

enum { threads = 4, count = 600 };
static atomic_int functions[threads][count], signals[threads][count], wrong;
static struct aiocb controls[threads][count];
static char blocks[threads][512];
static int descriptor;

static void handler(int number, siginfo_t *info, void *context) {
    (void)number, (void)context;
    int value = info->si_value.sival_int;
    if (info->si_code != SI_ASYNCIO || aio_error(&controls[0][value]) != 0) wrong++;
    (&signals[0][0])[value]++;
}

static void called(union sigval value) {
    if (aio_error(&controls[0][value.sival_int]) != 0) wrong++;
    (&functions[0][0])[value.sival_int]++;
}

static void *submit(void *argument) {
    int self = (int)(intptr_t)argument;
    for (int i = 0; i < count; i++) {
        struct aiocb *control = &controls[self][i];
        *control = request(descriptor, blocks[self], 512, self * 512);
        control->aio_sigevent.sigev_value.sival_int = self * count + i;
        if (i % 3 == 1) {
            control->aio_sigevent.sigev_notify = SIGEV_SIGNAL;
            control->aio_sigevent.sigev_signo = SIGRTMIN + 3;
        } else if (i % 3 == 2) {
            control->aio_sigevent.sigev_notify = SIGEV_THREAD;
            control->aio_sigevent.sigev_notify_function = called;
        }
        OK(aio_write(control));
    }
    for (int i = 0; i < count; i++) EQUAL(wait_for(&controls[self][i], 15), 0);
    return NULL;
}

int main(void) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
    OK(sigaction(SIGRTMIN + 3, &action, NULL));
    descriptor = scratch_file(0);
    pthread_t ids[threads];
    for (intptr_t i = 0; i < threads; i++) OK(pthread_create(&ids[i], NULL, submit, (void *)i));
    for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
    for (double end = now() + 10; now() < end; sleep_for(0.01)) {
        int sum = 0;
        for (int i = 0; i < threads * count; i++) sum += (&functions[0][0])[i] + (&signals[0][0])[i];
        if (sum >= threads * count * 2 / 3) break;
    }
    sleep_for(0.1);
    EQUAL(wrong, 0);
    for (int i = 0; i < threads * count; i++) {
        EQUAL((&signals[0][0])[i], i % count % 3 == 1);
        EQUAL((&functions[0][0])[i], i % count % 3 == 2);
        EQUAL(aio_return(&controls[0][i]), 512);
    }
}
