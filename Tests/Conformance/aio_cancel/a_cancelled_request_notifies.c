// holds: A request that is cancelled notifies as one that is done does: once, after its status says ECANCELED.
// source: aio_cancel
#include "../check.h"
#include <semaphore.h>

static sem_t called;

static void callback(union sigval value) {
    EQUAL(aio_error(value.sival_ptr), ECANCELED);
    sem_post(&called);
}

static struct timespec seconds_from_now(int seconds) {
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += seconds;
    return end;
}

int main(void) {
    int ends[2];
    char bytes[3];
    sigset_t set;
    siginfo_t information;
    struct timespec limit = {10, 0}, short_ = {0, 200000000};
    static struct aiocb controls[3];
    OK(pipe(ends));
    OK(sem_init(&called, 0, 0));
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
    // The first keeps the others waiting, where a read that waits for data cannot be cancelled.
    for (int i = 0; i < 3; i++) {
        controls[i] = request(ends[0], &bytes[i], 1, 0);
        controls[i].aio_sigevent.sigev_value.sival_ptr = &controls[i];
    }
    controls[1].aio_sigevent.sigev_notify = SIGEV_SIGNAL;
    controls[1].aio_sigevent.sigev_signo = SIGRTMIN;
    controls[2].aio_sigevent.sigev_notify = SIGEV_THREAD;
    controls[2].aio_sigevent.sigev_notify_function = callback;
    for (int i = 0; i < 3; i++) OK(aio_read(&controls[i]));

    EQUAL(aio_cancel(ends[0], &controls[1]), AIO_CANCELED);
    EQUAL(sigtimedwait(&set, &information, &limit), SIGRTMIN);
    CHECK(information.si_value.sival_ptr == &controls[1]);
    EQUAL(aio_error(&controls[1]), ECANCELED);
    FAILS(sigtimedwait(&set, &information, &short_), EAGAIN);

    struct timespec end = seconds_from_now(10);
    EQUAL(aio_cancel(ends[0], &controls[2]), AIO_CANCELED);
    OK(sem_timedwait(&called, &end));
    end = seconds_from_now(0);
    FAILS(sem_timedwait(&called, &end), ETIMEDOUT);
    return 0;
}
