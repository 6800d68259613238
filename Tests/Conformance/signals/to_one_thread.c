// holds: SIGEV_THREAD_ID sends the signal to the thread that it names.
// source: kaio (extension)
#include "../check.h"

static struct aiocb control;
static int ready[2];

static void *receiver(void *unused) {
    pid_t me = gettid();
    sigset_t set;
    siginfo_t information;
    struct timespec limit = {10, 0};
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    EQUAL(write(ready[1], &me, sizeof me), sizeof me);
    for (int i = 0; i < 100; i++) {
        EQUAL(sigtimedwait(&set, &information, &limit), SIGRTMIN);
        EQUAL(information.si_value.sival_int, i);
        EQUAL(information.si_code, SI_ASYNCIO);
        EQUAL(aio_error(&control), 0);
        EQUAL(write(ready[1], &me, sizeof me), sizeof me);
    }
    return unused;
}

int main(void) {
    int file = scratch_file(0);
    pid_t target;
    pthread_t thread;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
    OK(pipe(ready));
    write_pattern(file, 65536, 1, 0);
    OK(pthread_create(&thread, NULL, receiver, NULL));
    EQUAL(read(ready[0], &target, sizeof target), sizeof target);
    for (int i = 0; i < 100; i++) {
        char byte;
        control = request(file, &byte, 1, i);
        control.aio_sigevent.sigev_notify = SIGEV_THREAD_ID;
        control.aio_sigevent.sigev_signo = SIGRTMIN;
        control.aio_sigevent.sigev_value.sival_int = i;
        control.aio_sigevent._sigev_un._tid = target;
        OK(aio_read(&control));
        EQUAL(read(ready[0], &target, sizeof target), sizeof target);
        EQUAL(aio_return(&control), 1);
    }
    OK(pthread_join(thread, NULL));
    return 0;
}
