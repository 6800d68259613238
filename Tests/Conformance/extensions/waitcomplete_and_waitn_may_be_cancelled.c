// holds: A thread that is cancelled in aio_waitcomplete or aio_waitn, before or during the wait, ends; others go on, and no completion is lost.
// source: kaio
// modes: linked
// limit: 60
#include "../check.h"
#include "../../../include/kaio.h"

static int ready[2], ends[2];

// What a cancelled aio_waitn had in its list already, it says.
struct waiter {
    pthread_t thread;
    int usesList;
    struct aiocb *list[3];
    unsigned int wanted;
    int count;
};

static void count_given(void *argument) {
    struct waiter *waiter = argument;
    for (unsigned int i = 0; waiter->usesList && waiter->wanted < 3 && i < waiter->wanted; i++)
        waiter->count += aio_return(waiter->list[i]) == 1;
}

static void *wait_and_take(void *argument) {
    struct waiter *waiter = argument;
    waiter->wanted = 3;
    EQUAL(write(ready[1], "r", 1), 1);
    pthread_cleanup_push(count_given, waiter);
    if (waiter->usesList) {
        aio_waitn(waiter->list, 3, &waiter->wanted, NULL);
        for (unsigned int i = 0; i < waiter->wanted; i++) waiter->count += aio_return(waiter->list[i]) == 1;
    } else {
        struct aiocb *done;
        while (aio_waitcomplete(&done, NULL) == 1) waiter->count++;
        EQUAL(errno, EWOULDBLOCK);
    }
    pthread_cleanup_pop(0);
    return NULL;
}

static void start(struct waiter *waiter, int usesList) {
    char byte;
    *waiter = (struct waiter){.usesList = usesList};
    OK(pthread_create(&waiter->thread, NULL, wait_and_take, waiter));
    EQUAL(read(ready[0], &byte, 1), 1);
}

int main(void) {
    open_pipe(ready);
    open_pipe(ends);
    deadline(50);
    // The request in flight completes after the cancellation, for the other one.
    for (int round = 0; round < 300; round++) {
        struct waiter waiters[2];
        char byte;
        void *result;
        struct aiocb control = request(ends[0], &byte, 1, 0);
        OK(aio_read(&control));
        for (int i = 0; i < 2; i++) start(&waiters[i], (round >> i) & 1);
        if (round % 3 == 0) sleep_for(0.002);
        struct waiter *victim = &waiters[round / 4 % 2], *other = &waiters[1 - round / 4 % 2];
        OK(pthread_cancel(victim->thread));
        OK(pthread_join(victim->thread, &result));
        CHECK(result == PTHREAD_CANCELED);
        EQUAL(victim->count, 0);
        EQUAL(aio_error(&control), EINPROGRESS);
        EQUAL(write(ends[1], "x", 1), 1);
        OK(pthread_join(other->thread, &result));
        CHECK(result == NULL);
        EQUAL(other->count, 1);
    }
    // Two complete while it waits for three: in the list and said so, or left for the next.
    for (int round = 0; round < 50; round++) {
        struct waiter waiter;
        char bytes[3];
        int pipes[3][2], left = 0;
        void *result;
        struct aiocb controls[3], *done;
        for (int i = 0; i < 3; i++) {
            open_pipe(pipes[i]);
            controls[i] = request(pipes[i][0], &bytes[i], 1, 0);
            OK(aio_read(&controls[i]));
        }
        start(&waiter, 1);
        for (int i = 0; i < 2; i++) EQUAL(write(pipes[i][1], "x", 1), 1);
        for (int i = 0; i < 2; i++) EQUAL(wait_for(&controls[i], 10), 0);
        if (round % 2) sleep_for(0.002);
        OK(pthread_cancel(waiter.thread));
        OK(pthread_join(waiter.thread, &result));
        CHECK(result == PTHREAD_CANCELED);
        EQUAL(write(pipes[2][1], "x", 1), 1);
        while (aio_waitcomplete(&done, NULL) == 1) left++;
        EQUAL(errno, EWOULDBLOCK);
        EQUAL(waiter.count + left, 3);
        for (int i = 0; i < 3; i++) close(pipes[i][0]), close(pipes[i][1]);
    }
    check_service();
    return 0;
}
