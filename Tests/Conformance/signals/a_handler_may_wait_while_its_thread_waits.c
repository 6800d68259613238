// holds: A handler that interrupts aio_suspend may wait in aio_suspend itself, and fetch the result; the outer wait then ends as usual.
// source: aio_suspend (async-signal-safe)
// compare: no
#define NEEDS_KAIO
#include "../check.h"

static int ends[2][2], steps[2];
static struct aiocb inner, outer;
static volatile sig_atomic_t handled;

static void handler(int number) {
    (void)number;
    const struct aiocb *list[1] = {&inner};
    struct timespec short_ = {0, 1000000};
    FAILS(aio_suspend(list, 1, &short_), EAGAIN);
    EQUAL(write(steps[1], "h", 1), 1);
    OK(aio_suspend(list, 1, NULL));
    EQUAL(aio_error(&inner), 0);
    EQUAL(aio_return(&inner), 1);
    handled++;
}

static void *waiter(void *unused) {
    const struct aiocb *list[1] = {&outer};
    struct aiocb *members[1] = {&outer};
    for (int round = 0; round < 100; round++) {
        char bytes[2];
        inner = request(ends[0][0], &bytes[0], 1, 0);
        outer = request(ends[1][0], &bytes[1], 1, 0);
        outer.aio_lio_opcode = LIO_READ;
        OK(aio_read(&inner));
        if (round % 2) OK(aio_read(&outer));
        EQUAL(write(steps[1], "s", 1), 1);
        // The wait may give EINTR; the request is done in either case.
        if (round % 2) {
            if (aio_suspend(list, 1, NULL) != 0) EQUAL(errno, EINTR);
        } else if (lio_listio(LIO_WAIT, members, 1, NULL) != 0) {
            EQUAL(errno, EINTR);
        }
        EQUAL(handled, round + 1);
        EQUAL(write(steps[1], "e", 1), 1);
        EQUAL(FINISH(&outer), 1);
    }
    return unused;
}

static void step(char expected) {
    char byte;
    EQUAL(read(steps[0], &byte, 1), 1);
    EQUAL(byte, expected);
}

int main(void) {
    struct sigaction action = {.sa_handler = handler};
    pthread_t thread;
    OK(sigaction(SIGUSR1, &action, NULL));
    OK(pipe(steps));
    for (int i = 0; i < 2; i++) OK(pipe(ends[i]));
    deadline(15);
    OK(pthread_create(&thread, NULL, waiter, NULL));
    for (int round = 0; round < 100; round++) {
        step('s');
        sleep_for(0.002);
        OK(pthread_kill(thread, SIGUSR1));
        step('h');
        EQUAL(write(ends[0][1], "i", 1), 1);
        // On a handler's return either the outer wait is over (EINTR) or it goes on until its byte comes.
        if (round % 4 < 2) EQUAL(write(ends[1][1], "o", 1), 1);
        else {
            sleep_for(0.002);
            EQUAL(write(ends[1][1], "o", 1), 1);
        }
        step('e');
    }
    OK(pthread_join(thread, NULL));
    return 0;
}
