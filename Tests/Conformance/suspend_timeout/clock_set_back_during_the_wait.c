// holds: Setting the clock back during the wait does not lengthen it: timeouts are measured on CLOCK_MONOTONIC.
// source: aio_suspend
//
// The clock is really set back, by 6 seconds for half a second, where the program may do so. The shift is
// relative (ADJ_SETOFFSET), so that several of these at once, or whatever else steers the clock, add up; and the
// process that takes it back is detached (setsid) and outlives an interrupted test. Where the clock may not
// be set there is nothing to see here; timeout_is_not_on_the_wall_clock shows the same without any rights.
#include "../check.h"

#include <sys/timex.h>

static int shift_clock(long seconds) {
    struct timex change = {.modes = ADJ_SETOFFSET, .time = {.tv_sec = seconds}};
    return clock_adjtime(CLOCK_REALTIME, &change);
}

// Sets the clock back, says so on `told`, and forward again when `over` is closed or 5 seconds have passed.
static void keep_clock_back(int told, int over) {
    setsid();
    sleep_for(0.2);
    int permitted = shift_clock(-6) >= 0;
    char answer = permitted ? 'y' : 'n';
    EQUAL(write(told, &answer, 1), 1);
    struct timespec limit = {5, 0};
    fd_set set;
    FD_ZERO(&set);
    FD_SET(over, &set);
    pselect(over + 1, &set, NULL, NULL, &limit, NULL);
    if (permitted) shift_clock(6);
    _exit(0);
}

int main(void) {
    int told[2], over[2], ends[2];
    open_pipe(told);
    open_pipe(over);
    open_pipe(ends);
    signal(SIGPIPE, SIG_IGN);
    pid_t keeper = fork();
    if (keeper == 0) {
        close(over[1]);
        keep_clock_back(told[1], over[0]);
    }

    char byte, answer = 'n';
    struct aiocb control = request(ends[0], &byte, 1, 0);
    const struct aiocb *list[] = {&control};
    const struct timespec timeout = {0, 700000000};
    OK(aio_read(&control));
    int64_t took;
    int result = timed_suspend(list, 1, &timeout, &took), error = errno;
    close(over[1]);
    EQUAL(read(told[0], &answer, 1), 1);
    while (waitpid(keeper, NULL, 0) != keeper) {}
    printf("the clock was %sset back during the wait\n", answer == 'y' ? "" : "not permitted to be ");
    EQUAL(result, -1);
    EQUAL(error, EAGAIN);
    CHECK(took >= 700000000);
    CHECK(took < 5000000000);
}
