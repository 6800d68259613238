// holds: With nothing in flight aio_waitcomplete fails with EWOULDBLOCK at once, whatever the timeout, also for a thread that waited while the last was taken.
// source: kaio
// modes: linked
#include "../check.h"
#include "../../../include/kaio.h"

static void has_nothing(void) {
    struct timespec zero = {0, 0}, hour = {3600, 0}, *timeouts[] = {NULL, &zero, &hour};
    for (int i = 0; i < 3; i++) {
        struct aiocb wrong, *done = &wrong;
        FAILS(aio_waitcomplete(&done, timeouts[i]), EWOULDBLOCK);
        CHECK(done == NULL);
    }
}

static void *waiter(void *taken) {
    struct aiocb *done;
    if (aio_waitcomplete(&done, NULL) == 1) atomic_fetch_add((atomic_int *)taken, 1);
    else EQUAL(errno, EWOULDBLOCK);
    return NULL;
}

int main(void) {
    has_nothing();
    check_service();
    has_nothing();
    for (int round = 0; round < 50; round++) {
        int ends[2];
        char byte;
        pthread_t threads[4];
        atomic_int taken = 0;
        open_pipe(ends);
        struct aiocb control = request(ends[0], &byte, 1, 0);
        OK(aio_read(&control));
        for (int i = 0; i < 4; i++) OK(pthread_create(&threads[i], NULL, waiter, &taken));
        if (round % 2) sleep_for(0.005);
        EQUAL(write(ends[1], "x", 1), 1);
        for (int i = 0; i < 4; i++) OK(pthread_join(threads[i], NULL));
        EQUAL(taken, 1);
        has_nothing();
        close(ends[0]);
        close(ends[1]);
    }
    return 0;
}
