// holds: aio_error, aio_return and aio_suspend may be called by a handler that interrupts the same thread anywhere: 30 seconds of timer signals at depth 64, with verified data and nothing lost.
// source: aio_error, aio_return, aio_suspend (async-signal-safe)
// compare: no
// limit: 90
#define NEEDS_KAIO
#include "../check.h"
#include <stdatomic.h>

#ifndef THREADS
#define THREADS 1
#endif
#define DEPTH 64
#define LARGEST 100000
#define REGION 131072

// A slot's request is fetched by main in even slots and by a handler in odd ones. A handler looks at all of them,
// whatever main is doing with them at that moment, but takes only what is marked as in flight.
enum { IDLE, IN_FLIGHT, FETCHED };
struct slot {
    struct aiocb control;
    unsigned char *buffer;
    volatile sig_atomic_t state;
    volatile ssize_t result;
    int kind;
    uint64_t seed;
};
enum { READ_SMALL, READ_LARGE, READ_DIRECT, WRITE_DIRECT, WRITE_BUFFERED, KINDS };

static __thread struct slot *slots;
static __thread unsigned long visits;
static int shared_file, shared_direct;
static atomic_long notified, to_notify, handled, fetched_by_handlers;

static void visit(int number) {
    int before = errno, listed = 0;
    const struct aiocb *list[8];
    unsigned long visit = visits++;
    (void)number;
    if (!slots) return;
    for (unsigned long i = 0; i < 8; i++) {
        struct slot *slot = &slots[(visit * 8 + i) % DEPTH];
        int mine = (slot - slots) % 2, in_flight = slot->state == IN_FLIGHT, error = aio_error(&slot->control);
        if (!in_flight) continue;
        list[listed++] = &slot->control;
        if (error == EINPROGRESS || !mine) continue;
        EQUAL(error, 0);
        slot->result = aio_return(&slot->control);
        slot->state = FETCHED;
        listed--;
        fetched_by_handlers++;
    }
    struct timespec timeout = {0, visit % 4 == 0 ? 20000 : 0};
    if (aio_suspend(list, listed, &timeout) != 0) CHECK(errno == EAGAIN || errno == EINTR);
    handled++;
    errno = before;
}

static void notification(int number, siginfo_t *information, void *context) {
    (void)number, (void)context;
    EQUAL(information->si_code, SI_ASYNCIO);
    notified++;
}

static void start(struct slot *slot, int own, int own_direct, unsigned *random) {
    off_t region = (slot - slots) * REGION;
    size_t size = 4096;
    slot->kind = rand_r(random) % KINDS;
    slot->seed = (uint64_t)rand_r(random);
    slot->control = request(shared_file, slot->buffer, size, (off_t)(slot->seed % 256) * 4096);
    switch (slot->kind) {
    case READ_SMALL: slot->control.aio_nbytes = 1 + slot->seed % 4096; break;
    case READ_LARGE: slot->control.aio_nbytes = LARGEST; break;
    case READ_DIRECT: slot->control.aio_fildes = shared_direct; break;
    default:
        slot->control.aio_fildes = slot->kind == WRITE_DIRECT ? own_direct : own;
        slot->control.aio_offset = region;
        fill(slot->buffer, size, slot->seed, 0);
    }
    if (slot->kind < WRITE_DIRECT) memset(slot->buffer, 0, slot->control.aio_nbytes);
    if (rand_r(random) % 8 == 0) {
        slot->control.aio_sigevent.sigev_notify = SIGEV_SIGNAL;
        slot->control.aio_sigevent.sigev_signo = SIGRTMIN + 3;
        to_notify++;
    }
    if (slot->kind < WRITE_DIRECT) OK(aio_read(&slot->control));
    else OK(aio_write(&slot->control));
    slot->state = IN_FLIGHT;
}

static void finish(struct slot *slot, ssize_t result) {
    unsigned char back[4096] __attribute__((aligned(4096)));
    EQUAL(result, slot->control.aio_nbytes);
    if (slot->kind < WRITE_DIRECT) {
        VERIFY(slot->buffer, (size_t)result, 1, (uint64_t)slot->control.aio_offset);
    } else {
        EQUAL(pread(slot->control.aio_fildes, back, sizeof back, slot->control.aio_offset), sizeof back);
        VERIFY(back, sizeof back, slot->seed, 0);
    }
    slot->state = IDLE;
}

static timer_t storm(int number, long nanoseconds) {
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = number};
    event._sigev_un._tid = gettid();
    struct itimerspec times = {{0, nanoseconds}, {0, nanoseconds}};
    OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
    OK(timer_settime(timer, 0, &times, NULL));
    return timer;
}

static double seconds = 30;

static void *thread(void *argument) {
    unsigned random = (unsigned)(intptr_t)argument + 1;
    int own = scratch_file(0), own_direct = scratch_file(O_DIRECT);
    long completed = 0;
    struct slot *mine = calloc(DEPTH, sizeof *mine);
    for (int i = 0; i < DEPTH; i++) mine[i].buffer = aligned_buffer(LARGEST);
    slots = mine;
    timer_t timers[2] = {storm(SIGRTMIN + 1, 200000 * THREADS), storm(SIGRTMIN + 2, 490000 * THREADS)};
    double end = now() + seconds, last = now();
    for (int busy = 1; busy;) {
        long before = completed;
        const struct aiocb *list[DEPTH];
        int stopping = now() > end;
        busy = 0;
        for (int i = 0; i < DEPTH; i++) {
            struct slot *slot = &mine[i];
            if (slot->state == IN_FLIGHT && i % 2 == 0) {
                int error = aio_error(&slot->control);
                if (error != EINPROGRESS) {
                    EQUAL(error, 0);
                    finish(slot, aio_return(&slot->control));
                    completed++;
                }
            } else if (slot->state == FETCHED) {
                finish(slot, slot->result);
                completed++;
            }
            if (slot->state == IDLE && !stopping) start(slot, own, own_direct, &random);
            list[i] = slot->state == IN_FLIGHT ? &slot->control : NULL;
            busy |= slot->state != IDLE;
        }
        if (completed != before) last = now();
        if (now() - last > 15 * times_slower()) failed(__FILE__, __LINE__, "no request completed for %g s", now() - last);
        struct timespec timeout = {0, 10000000};
        if (aio_suspend(list, DEPTH, random % 2 ? &timeout : NULL) != 0) CHECK(errno == EAGAIN || errno == EINTR);
    }
    for (int i = 0; i < 2; i++) timer_delete(timers[i]);
    CHECK(completed > 100);
    return (void *)completed;
}

int main(int count, char **arguments) {
    if (count > 1) seconds = atof(arguments[1]);
    deadline(seconds + 45);
    struct sigaction action = {.sa_handler = visit, .sa_flags = SA_RESTART};
    OK(sigaction(SIGRTMIN + 1, &action, NULL));
    OK(sigaction(SIGRTMIN + 2, &action, NULL));
    action.sa_sigaction = notification;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    OK(sigaction(SIGRTMIN + 3, &action, NULL));
    shared_file = scratch_file(0);
    shared_direct = scratch_file(O_DIRECT);
    write_pattern(shared_file, 2 << 20, 1, 0);
    write_pattern(shared_direct, 2 << 20, 1, 0);
    pthread_t threads[THREADS];
    long completed = 0;
    for (int i = 0; i < THREADS; i++) OK(pthread_create(&threads[i], NULL, thread, (void *)(intptr_t)i));
    for (int i = 0; i < THREADS; i++) {
        void *result;
        OK(pthread_join(threads[i], &result));
        completed += (long)result;
    }
    for (double end = now() + 10; notified < to_notify && now() < end;) sleep_for(0.01);
    printf("%ld requests, %ld of them fetched by %ld handlers\n", completed, (long)fetched_by_handlers, (long)handled);
    EQUAL(notified, to_notify);
    return 0;
}
