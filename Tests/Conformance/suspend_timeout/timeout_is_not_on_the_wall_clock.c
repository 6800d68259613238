// holds: The wait asks neither the C library nor the kernel for the wall clock.
// source: aio_suspend
// links: -rdynamic
//
// What clock_set_back_during_the_wait shows where the clock may be set, without setting it: the program defines
// clock_gettime itself, which the library then calls, and lets CLOCK_REALTIME alone jump back an hour during the
// wait; and a second thread sees, in /proc, that the waiter sleeps in no call with a time on CLOCK_REALTIME.
#include "../check.h"

#include <linux/futex.h>

static atomic_int set_back, asked;

int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = (int)syscall(SYS_clock_gettime, clock, time);
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) {
        asked++;
        if (set_back) time->tv_sec -= 3600;
    }
    return result;
}

static pid_t waiter;
static atomic_int over;

static void *watch(void *unused) {
    (void)unused;
    sleep_for(0.2);
    set_back = 1;
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/self/task/%d/syscall", waiter);
    int asleep = 0;
    for (; !over; sleep_for(0.02)) {
        long number = -1;
        unsigned long argument[6] = {0};
        FILE *file = fopen(path, "re");
        if (!file || !fgets(line, sizeof line, file)) {
            printf("%s cannot be read here\n", path);
            if (file) fclose(file);
            return NULL;
        }
        fclose(file);
        // Then it may be the wait for this thread.
        if (over) break;
        if (sscanf(line, "%ld %lx %lx %lx %lx %lx %lx", &number, &argument[0], &argument[1], &argument[2],
                   &argument[3], &argument[4], &argument[5]) < 7)
            continue;
        if (number == SYS_futex && (argument[1] & FUTEX_CLOCK_REALTIME))
            failed(__FILE__, __LINE__, "the wait is a futex call on CLOCK_REALTIME");
        if (number == SYS_clock_nanosleep) EQUAL(argument[0], CLOCK_MONOTONIC);
        asleep++;
    }
    printf("seen asleep %d times\n", asleep);
    return NULL;
}

int main(void) {
    int ends[2];
    open_pipe(ends);
    char byte;
    struct aiocb control = request(ends[0], &byte, 1, 0);
    const struct aiocb *list[] = {&control};
    const struct timespec timeout = {1, 0};
    OK(aio_read(&control));
    waiter = (pid_t)syscall(SYS_gettid);
    pthread_t watcher;
    OK(pthread_create(&watcher, NULL, watch, NULL));
    sleep_for(0.05);
    asked = 0;
    int64_t took;
    FAILS(timed_suspend(list, 1, &timeout, &took), EAGAIN);
    over = 1;
    CHECK(set_back);
    EQUAL(asked, 0);
    CHECK(took >= 1000000000);
    CHECK(took < 60000000000);
    pthread_join(watcher, NULL);
}
