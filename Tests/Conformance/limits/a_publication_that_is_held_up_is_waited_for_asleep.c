// holds: aio_waitcomplete waits asleep for a completion whose publication another thread is in the middle of: it does not keep that thread from the processor.
// source: kaio
// compare: no
#define NEEDS_KAIO
#include "../check.h"
#include <sched.h>
#include <kaio.h>
#pragma weak aio_waitcomplete
#include <semaphore.h>
#include <stddef.h>

enum { PAGE = 4096 };
static unsigned char *pages;
static sem_t faulted, go_on;
static _Atomic int is_waiting;

// The thread that publishes, the library's own, stops at the status, which lies in a page that is not to be written to.
static void handler(int signal) {
    (void)signal;
    sem_post(&faulted);
    while (sem_wait(&go_on) != 0) {}
    if (mprotect(pages, PAGE, PROT_READ | PROT_WRITE) != 0) _exit(4);
}

static double processor_time(void) {
    struct timespec time;
    OK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time));
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

// Ahead of every ordinary thread of its processor, where that is allowed: what it does not give up, nobody gets.
static void come_first(void) {
    struct sched_param parameters = {.sched_priority = 1};
    sched_setscheduler(0, SCHED_FIFO, &parameters);
}

static void *collector(void *took) {
    struct aiocb *done = NULL;
    struct timespec limit = {30, 0};
    come_first();
    double start = processor_time();
    is_waiting = 1;
    EQUAL(aio_waitcomplete(&done, &limit), 1);
    *(double *)took = processor_time() - start;
    return done;
}

static void nothing(union sigval unused) { (void)unused; }

int main(void) {
    struct sigaction action = {.sa_handler = handler};
    OK(sigaction(SIGSEGV, &action, NULL));
    OK(sem_init(&faulted, 0, 0));
    OK(sem_init(&go_on, 0, 0));
    pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED);
    // aio_offset, and what lies behind it, is in the second page.
    struct aiocb *control = (struct aiocb *)(pages + PAGE - offsetof(struct aiocb, aio_offset));
    int ends[2];
    char byte;
    pthread_t thread;
    void *done;
    double took;
    open_pipe(ends);
    *control = request(ends[0], &byte, 1, 0);
    control->aio_sigevent.sigev_notify = SIGEV_THREAD;
    control->aio_sigevent.sigev_notify_function = nothing;
    OK(aio_read(control));
    OK(mprotect(pages, PAGE, PROT_READ));
    EQUAL(write(ends[1], "x", 1), 1);
    OK(sem_wait(&faulted));
    OK(pthread_create(&thread, NULL, collector, &took));
    while (!is_waiting) sleep_for(0.001);
    sleep_for(1);
    OK(sem_post(&go_on));
    OK(pthread_join(thread, &done));
    CHECK(done == control);
    printf("%.3f s of processor time in one second\n", took);
    CHECK(took < 0.5);
    return 0;
}
