// A files' server that does not answer for a while, and what must go on meanwhile.
#ifndef KAIO_TESTS_SERVER_H
#define KAIO_TESTS_SERVER_H

#include "../modules/device.h"
#include <sys/time.h>

static atomic_int alarms;

static void on_alarm(int signal) {
    (void)signal;
    alarms++;
}

static void begin_alarm(void) {
    struct itimerval time = {.it_value = {.tv_usec = 50000}};
    alarms = 0;
    signal(SIGALRM, on_alarm);
    OK(setitimer(ITIMER_REAL, &time, NULL));
}

// A signal comes, and what needs the library's own thread goes on.
static void goes_on(void) {
    while (!alarms) sleep_for(0.01);
    int ends[2];
    char byte = 0;
    open_pipe(ends);
    struct aiocb other = request(ends[0], &byte, 1, 0);
    OK(aio_read(&other));
    EQUAL(aio_error(&other), EINPROGRESS);
    EQUAL(write(ends[1], "x", 1), 1);
    EQUAL(FINISH(&other), 1);
    close(ends[0]);
    close(ends[1]);
}

// A call that waited would do so until the deadline.
static void submit_while_stuck(struct aiocb *control, int is_write) {
    double begin = now();
    device->stuck = 1;
    begin_alarm();
    OK(is_write ? aio_write(control) : aio_read(control));
    CHECK(now() - begin < 5);
    goes_on();
}

static UNUSED void finish_when_answered(struct aiocb *control, ssize_t result) {
    EQUAL(aio_error(control), EINPROGRESS);
    device->stuck = 0;
    EQUAL(FINISH(control), result);
}

// The server answers when the signal was there, or at last; then it is too late.
static void *answer_after_the_signal(void *unused) {
    double end = now() + 5;
    while (!alarms && now() < end) sleep_for(0.01);
    if (!alarms) alarms = -1;
    device->stuck = 0;
    device->held_flushes = 0;
    return unused;
}

// Closes a descriptor while the server is silent. Signals come meanwhile.
static void close_while(atomic_int *silence, int file) {
    pthread_t thread;
    sigset_t alarm, before;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    *silence = 1;
    // Not by the thread that answers.
    OK(pthread_sigmask(SIG_BLOCK, &alarm, &before));
    begin_alarm();
    OK(pthread_create(&thread, NULL, answer_after_the_signal, NULL));
    OK(pthread_sigmask(SIG_SETMASK, &before, NULL));
    OK(close(file));
    EQUAL(*silence, 0);
    OK(pthread_join(thread, NULL));
    EQUAL(alarms, 1);
}

#endif
