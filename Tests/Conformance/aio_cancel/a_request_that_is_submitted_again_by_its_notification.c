// holds: aio_cancel, close and aio_suspend mean the request that the aiocb stands for when they are called, not the next one that its notification makes of the same aiocb.
// source: kaio (2.8.2: the request is complete; what the notification does is the program's)
// limit: 60
#include "../check.h"
#include <sys/socket.h>

enum { calls = 3000 };
static struct aiocb control;
static char byte;
static atomic_int resubmitted, stopped;

static void submit_again(void) {
    int error = aio_error(&control);
    if (error == EINPROGRESS) return;
    aio_return(&control);
    if (!stopped && aio_read(&control) == 0) resubmitted++;
}
static void function(union sigval value) {
    (void)value;
    submit_again();
}
static void handler(int signal) {
    (void)signal;
    submit_again();
}

// Has the request complete, again and again, while a thread waits for it.
static atomic_int is_waiting;
static void *feed(void *end) {
    while (!stopped) {
        sleep_for(0.002);
        if (is_waiting) EQUAL(write(*(int *)end, "x", 1), 1);
    }
    return NULL;
}

static void work(int by_signal, int what) {
    int ends[2];
    sigset_t set;
    alarm((unsigned)(40 * times_slower()));
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    sigaction(SIGUSR1, &(struct sigaction){.sa_handler = handler}, NULL);
    control = request(ends[0], &byte, 1, 0);
    control.aio_sigevent =
        by_signal ? (struct sigevent){.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1}
                  : (struct sigevent){.sigev_notify = SIGEV_THREAD, .sigev_notify_function = function};
    OK(aio_read(&control));
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_t feeder;
    OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
    OK(pthread_create(&feeder, NULL, feed, &ends[1]));
    OK(pthread_sigmask(SIG_UNBLOCK, &set, NULL));
    for (int i = 0; i < (what == 2 ? 200 : calls); i++) {
        int before = resubmitted;
        if (what == 0) {
            CHECK(aio_cancel(ends[0], &control) != -1);
        } else if (what == 1) {
            CHECK(aio_cancel(ends[0], NULL) != -1);
        } else {
            const struct aiocb *list[1] = {&control};
            is_waiting = 1;
            int result = aio_suspend(list, 1, NULL);
            is_waiting = 0;
            CHECK(result == 0 || errno == EINTR);
        }
        // The next one is there.
        while (resubmitted == before && !stopped && aio_error(&control) != EINPROGRESS) sched_yield();
    }
    printf("submitted again %d times\n", resubmitted);
    CHECK(resubmitted > 0);
    OK(close(ends[0]));
    stopped = 1;
    _exit(0);
}

int main(void) {
    for (int by_signal = 0; by_signal < 2; by_signal++)
        for (int what = 0; what < 3; what++) {
            pid_t child = fork();
            CHECK(child >= 0);
            if (child == 0) work(by_signal, what);
            int status;
            EQUAL(waitpid(child, &status, 0), child);
            printf("%s, %d: %#x\n", by_signal ? "signal" : "function", what, status);
            EQUAL(status, 0);
        }
}
