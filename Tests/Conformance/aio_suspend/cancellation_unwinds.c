// holds: Cancellation in aio_suspend, aio_waitcomplete and aio_waitn unwinds the program's frames (-fexceptions, C++): handlers run in the thread's own signal mask, locks are given up.
// source: aio_suspend, kaio (extension)
// flags: -fexceptions
// compare: no
// limit: 60
#define NEEDS_KAIO
#include "../check.h"
#include <kaio.h>
#pragma weak aio_waitcomplete
#pragma weak aio_waitn

enum call { SUSPEND, SUSPEND_FOR_A_WHILE, WAIT_ONE, WAIT_SEVERAL, CALLS };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int ends[2], destroyed, handled, masked, returned, error;
static _Atomic int inside, others;
static char bytes[8];
static struct aiocb own, common;

static void destroy(int *unused) {
    (void)unused;
    sigset_t mask;
    OK(pthread_sigmask(SIG_SETMASK, NULL, &mask));
    masked = sigismember(&mask, SIGUSR2) == 1 && sigismember(&mask, SIGUSR1) == 0 && sigismember(&mask, SIGTERM) == 0;
    // Who waits beside it is not held up by what a handler does.
    while (others > 0) sleep_for(0.001);
    destroyed++;
    OK(pthread_mutex_unlock(&lock));
}

static void handle(void *unused) {
    (void)unused;
    handled++;
}

static void wait_in(enum call call) {
    struct aiocb *done[1];
    const struct aiocb *list[1] = {&own};
    struct timespec minute = {60, 0};
    unsigned wanted = 1;
    switch (call) {
        case SUSPEND: returned = aio_suspend(list, 1, NULL); break;
        case SUSPEND_FOR_A_WHILE: returned = aio_suspend(list, 1, &minute); break;
        case WAIT_ONE: returned = (int)aio_waitcomplete(done, NULL); break;
        default: returned = aio_waitn(done, 1, &wanted, NULL);
    }
    error = errno;
}

static void *waiter(void *call) {
    OK(pthread_mutex_lock(&lock));
    __attribute__((cleanup(destroy))) int guard UNUSED = 0;
    pthread_cleanup_push(handle, NULL);
    own = request(ends[0], &bytes[0], 1, 0);
    OK(aio_read(&own));
    inside = 1;
    wait_in((enum call)(intptr_t)call);
    pthread_cleanup_pop(0);
    return NULL;
}

static void *other(void *unused) {
    const struct aiocb *list[1] = {&common};
    OK(aio_suspend(list, 1, NULL));
    others--;
    return unused;
}

int main(void) {
    int theirs[2];
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
    OK(pipe(theirs));
    for (int round = 0; round < 8 * CALLS; round++) {
        enum call call = round % CALLS;
        pthread_t thread, second;
        void *result;
        // By turns it is there before the one that is cancelled, which so follows, and comes after it.
        int is_first = round / CALLS % 2;
        OK(pipe(ends));
        common = request(theirs[0], &bytes[1], 1, 0);
        OK(aio_read(&common));
        others = 1;
        inside = 0;
        returned = error = 0;
        if (is_first) OK(pthread_create(&second, NULL, other, NULL));
        if (is_first) sleep_for(0.005);
        OK(pthread_create(&thread, NULL, waiter, (void *)(intptr_t)call));
        while (!inside) sleep_for(0.001);
        // At every moment of the call.
        sleep_for(round / CALLS < 4 ? 0.005 : 0.00002 * round);
        if (!is_first) OK(pthread_create(&second, NULL, other, NULL));
        OK(pthread_cancel(thread));
        EQUAL(write(theirs[1], "x", 1), 1);
        OK(pthread_join(second, NULL));
        OK(pthread_join(thread, &result));
        EQUAL(FINISH(&common), 1);
        // The completion of the other's request may have ended a wait for any.
        if (call == WAIT_ONE || call == WAIT_SEVERAL) CHECK(handled == round + 1 || result != PTHREAD_CANCELED);
        else if (handled != round + 1)
            failed(__FILE__, __LINE__, "call %d was not left: the thread ended with %p, the call gave %d, %s", call, result, returned, strerror(error));
        handled = round + 1;
        EQUAL(destroyed, round + 1);
        CHECK(masked);
        OK(pthread_mutex_trylock(&lock));
        OK(pthread_mutex_unlock(&lock));
        OK(close(ends[0]));
        OK(close(ends[1]));
        FINISHES_WITH(&own, ECANCELED);
    }
    check_service();
    return 0;
}
