// holds: With somebody who looks, a handler may still call aio_error, aio_return and aio_suspend wherever it interrupts, and every request that begins is over in the end: 10 seconds of timer signals.
// source: aio_error, aio_return, aio_suspend (async-signal-safe)
// environment: KAIO_LIVE_DIR=.
// limit: 60
#define main whole_storm
#include "../signals/storm_on_one_thread.c"
#undef main
#include "live.h"

static void *page;

static void *keep_looking(void *unused) {
    for (;;) {
        look_for(page, 3);
        sleep_for(0.5);
    }
    return unused;
}

int main(void) {
    sigset_t all, before;
    pthread_t thread;
    check_service();
    page = open_page(getpid());
    look(getpid(), page, 3);
    sigfillset(&all);
    OK(pthread_sigmask(SIG_BLOCK, &all, &before));
    OK(pthread_create(&thread, NULL, keep_looking, NULL));
    OK(pthread_sigmask(SIG_SETMASK, &before, NULL));
    EQUAL(whole_storm(2, (char *[]){"", "10"}), 0);
    CHECK(sum_of(page, LIVE_BEGUN) > 1000);
    EQUAL(sum_of(page, LIVE_OVER), sum_of(page, LIVE_BEGUN));
    return 0;
}
