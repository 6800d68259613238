// holds: When the thread that waited first gives up (timeout or signal), the others still see their completions.
// source: aio_suspend
#include "../check.h"

static struct aiocb first, second;
static int first_ends[2], second_ends[2];
static atomic_int written;

static void ignore(int signal) { (void)signal; }

static void *wait_for_second(void *unused) {
    (void)unused;
    const struct aiocb *list[] = {&second};
    const struct timespec timeout = {100, 0};
    int64_t took;
    OK(timed_suspend(list, 1, &timeout, &took));
    CHECK(written);
    EQUAL(aio_error(&second), 0);
    return NULL;
}

static atomic_int interrupted;

static void *wait_until_interrupted(void *unused) {
    (void)unused;
    const struct aiocb *list[] = {&first};
    int64_t took;
    FAILS(timed_suspend(list, 1, NULL, &took), EINTR);
    interrupted = 1;
    return NULL;
}

int main(void) {
    struct sigaction action = {.sa_handler = ignore};
    OK(sigaction(SIGUSR1, &action, NULL));
    open_pipe(first_ends);
    open_pipe(second_ends);
    char byte, other;
    first = request(first_ends[0], &byte, 1, 0);
    OK(aio_read(&first));
    for (int round = 0; round < 8; round++) {
        second = request(second_ends[0], &other, 1, 0);
        OK(aio_read(&second));
        written = interrupted = 0;
        pthread_t follower, leader = 0;
        if (round % 2) {
            OK(pthread_create(&leader, NULL, wait_until_interrupted, NULL));
            sleep_for(0.05);
        }
        OK(pthread_create(&follower, NULL, wait_for_second, NULL));
        if (round % 2) {
            sleep_for(0.05);
            for (; !interrupted; sleep_for(0.05)) pthread_kill(leader, SIGUSR1);
            pthread_join(leader, NULL);
        } else {
            const struct aiocb *list[] = {&first};
            const struct timespec timeout = {0, 100000000};
            int64_t took;
            FAILS(timed_suspend(list, 1, &timeout, &took), EAGAIN);
            CHECK(took >= 100000000);
        }
        sleep_for(0.05);
        written = 1;
        EQUAL(write(second_ends[1], "x", 1), 1);
        pthread_join(follower, NULL);
        EQUAL(aio_return(&second), 1);
    }
    EQUAL(aio_error(&first), EINPROGRESS);
}
