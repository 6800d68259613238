// holds: Notifications of SIGEV_THREAD do not each start a thread of their own.
// source: FACTS glibc 16
#include "../syscalls.h"
#include <semaphore.h>
#include <stdatomic.h>

#define COUNT 500

static sem_t called;
static atomic_int started;

static int count(const struct seccomp_data *call, pid_t thread) {
    (void)call, (void)thread;
    started++;
    return 0;
}

static void callback(union sigval value) {
    (void)value;
    sem_post(&called);
}

int main(void) {
    int calls[] = {SYS_clone, SYS_clone3}, file = scratch_file(0);
    OK(sem_init(&called, 0, 0));
    watch_calls(count, calls, 2);
    for (int i = 0; i < COUNT; i++) {
        char byte;
        struct aiocb control = request(file, &byte, 1, 0);
        struct timespec end;
        control.aio_sigevent.sigev_notify = SIGEV_THREAD;
        control.aio_sigevent.sigev_notify_function = callback;
        OK(aio_read(&control));
        clock_gettime(CLOCK_REALTIME, &end);
        end.tv_sec += 10;
        OK(sem_timedwait(&called, &end));
        EQUAL(FINISH(&control), 0);
    }
    printf("%d threads for %d notifications\n", (int)started, COUNT);
    CHECK(started < COUNT / 10);
    return 0;
}
