// holds: With somebody who looks, a handler may still call aio_error, aio_return and aio_suspend wherever it interrupts, and every request that begins is over in the end: 10 seconds of timer signals.
// source: aio_error, aio_return, aio_suspend (async-signal-safe)
// environment: KAIO_LIVE_DIR=.
// limit: 60
#define main whole_storm
#include "../signals/storm_on_one_thread.c"
#undef main
#include "live.h"

int main(void) {
    check_service();
    void *page = open_page(getpid());
    keep_looking(getpid(), page);
    EQUAL(whole_storm(2, (char *[]){"", "10"}), 0);
    CHECK(sum_of(page, LIVE_BEGUN) > 1000);
    EQUAL(sum_of(page, LIVE_OVER), sum_of(page, LIVE_BEGUN));
    return 0;
}
