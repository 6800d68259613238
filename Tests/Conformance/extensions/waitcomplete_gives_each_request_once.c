// holds: aio_waitcomplete in many threads, with aio_waitn and aio_return beside it: each completion is given out once, and none is lost.
// source: kaio
// modes: linked
// limit: 60
#include "../check.h"
#include "../../../include/kaio.h"

enum { submitters = 2, waiters = 4, rounds = 100, at_once = 64, total = submitters * rounds * at_once, size = 512 };

static int descriptor;
static struct aiocb controls[total];
static atomic_int taken[total], by_return[total], count;
static unsigned char data[submitters][at_once][size];

static void take(struct aiocb *control, ssize_t result) {
    long index = control - controls;
    CHECK(index >= 0 && index < total);
    EQUAL(result, size);
    EQUAL(atomic_fetch_add(&taken[index], 1), 0);
    if (atomic_fetch_or(&by_return[index], 2) == 0) atomic_fetch_add(&count, 1);
}

// aio_return gives a result also where a wait for any was faster; it is then counted there, or is about to be. The one that
// comes second sees the other.
static void returned(struct aiocb *control) {
    long index = control - controls;
    if (atomic_fetch_or(&by_return[index], 1) == 0) atomic_fetch_add(&count, 1);
}

static void *submit(void *argument) {
    int mine = (int)(intptr_t)argument;
    for (int i = 0; i < rounds; i++) {
        for (int j = 0; j < at_once; j++) {
            struct aiocb *control = &controls[(mine * rounds + i) * at_once + j];
            *control = request(descriptor, data[mine][j], size, j * size);
            OK(aio_read(control));
        }
        // Some are taken by the one who made them, if nobody was faster.
        for (int j = 0; j < at_once; j += 8) {
            struct aiocb *control = &controls[(mine * rounds + i) * at_once + j];
            while (aio_error(control) == EINPROGRESS) sched_yield();
            EQUAL(aio_return(control), size);
            returned(control);
        }
    }
    return NULL;
}

static void *wait_and_take(void *argument) {
    int usesList = (int)(intptr_t)argument % 2;
    while (count < total) {
        struct timespec slice = {0, 20000000};
        if (usesList) {
            struct aiocb *list[5];
            unsigned int wanted = 3;
            int result = aio_waitn(list, 5, &wanted, &slice);
            CHECK(result == 0 || errno == EAGAIN || errno == ETIME);
            CHECK(result != 0 || (wanted >= 3 && wanted <= 5));
            for (unsigned i = 0; i < wanted; i++) {
                ssize_t got = aio_return(list[i]);
                take(list[i], got);
            }
        } else {
            struct aiocb *done;
            ssize_t result = aio_waitcomplete(&done, &slice);
            if (done) take(done, result);
            else EQUAL(errno, EWOULDBLOCK);
        }
    }
    return NULL;
}

int main(void) {
    pthread_t threads[submitters + waiters];
    descriptor = scratch_file(0);
    write_pattern(descriptor, at_once * size, 1, 0);
    deadline(50);
    for (int i = 0; i < submitters; i++) OK(pthread_create(&threads[i], NULL, submit, (void *)(intptr_t)i));
    for (int i = 0; i < waiters; i++)
        OK(pthread_create(&threads[submitters + i], NULL, wait_and_take, (void *)(intptr_t)i));
    for (int i = 0; i < submitters + waiters; i++) OK(pthread_join(threads[i], NULL));
    EQUAL(count, total);
    // Given out, or returned, or both at once.
    for (int i = 0; i < total; i++) CHECK(by_return[i] != 0 && (i % 8 == 0 || by_return[i] == 2) && taken[i] <= 1);
    return 0;
}
