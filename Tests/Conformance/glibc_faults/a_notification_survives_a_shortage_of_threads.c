// holds: A notification of SIGEV_THREAD for which no thread can be started comes when the shortage ends; it is not lost.
// source: FACTS glibc 16
#include "../syscalls.h"
#include <semaphore.h>
#include <stdatomic.h>

static sem_t called;
static atomic_int shortage;

static int refuse(const struct seccomp_data *call, pid_t thread) {
    (void)call, (void)thread;
    return shortage ? EAGAIN : 0;
}

static void callback(union sigval value) {
    (void)value;
    sem_post(&called);
}

int main(void) {
    int calls[] = {SYS_clone, SYS_clone3}, ends[2], file = scratch_file(0);
    char byte;
    pthread_attr_t attributes;
    struct timespec end;
    OK(pipe(ends));
    OK(sem_init(&called, 0, 0));
    OK(pthread_attr_init(&attributes));
    OK(pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED));
    watch_calls(refuse, calls, 2);
    for (int has = 0; has < 2; has++) {
        // Threads that only run requests may exist already.
        struct aiocb control = request(file, "x", 1, 0);
        OK(aio_write(&control));
        EQUAL(FINISH(&control), 1);
        control = request(ends[0], &byte, 1, 0);
        control.aio_sigevent.sigev_notify = SIGEV_THREAD;
        control.aio_sigevent.sigev_notify_function = callback;
        control.aio_sigevent.sigev_notify_attributes = has ? &attributes : NULL;
        OK(aio_read(&control));
        shortage = 1;
        EQUAL(write(ends[1], "x", 1), 1);
        EQUAL(FINISH(&control), 1);
        sleep_for(0.2);
        shortage = 0;
        clock_gettime(CLOCK_REALTIME, &end);
        end.tv_sec += 10;
        OK(sem_timedwait(&called, &end));
    }
    return 0;
}
