// holds: aio_readv and aio_writev notify as aio_read and aio_write do: by a signal, a function, or an eventfd.
// source: kaio
// modes: linked
#include "../check.h"
#include "../../../include/kaio.h"
#include <poll.h>
#include <semaphore.h>
#include <sys/eventfd.h>

static sem_t called;
static void function(union sigval value) {
    EQUAL(value.sival_int, 42);
    sem_post(&called);
}

int main(void) {
    int descriptor = scratch_file(0), event = eventfd(0, EFD_CLOEXEC);
    static unsigned char out[3000], in[3000];
    struct iovec from[2] = {{out, 1}, {out + 1, 2999}}, into[2] = {{in, 2999}, {in + 2999, 1}};
    sigset_t set;
    fill(out, sizeof out, 1, 0);
    OK(sem_init(&called, 0, 0));
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
    for (int i = 0; i < 6; i++) {
        struct aiocb control = request(descriptor, i % 2 ? into : from, 2, 0);
        struct sigevent *notification = &control.aio_sigevent;
        notification->sigev_notify = (int[]){SIGEV_SIGNAL, SIGEV_THREAD, KAIO_SIGEV_EVENTFD}[i / 2];
        notification->sigev_value.sival_int = i / 2 == 2 ? event : 42;
        if (i / 2 == 0) notification->sigev_signo = SIGRTMIN;
        if (i / 2 == 1) notification->sigev_notify_function = function;
        OK(i % 2 ? aio_readv(&control) : aio_writev(&control));
        struct timespec limit = {10, 0};
        siginfo_t information;
        switch (i / 2) {
        case 0:
            EQUAL(sigtimedwait(&set, &information, &limit), SIGRTMIN);
            EQUAL(information.si_value.sival_int, 42);
            EQUAL(information.si_code, SI_ASYNCIO);
            break;
        case 1:
            clock_gettime(CLOCK_REALTIME, &limit);
            limit.tv_sec += 10;
            OK(sem_timedwait(&called, &limit));
            break;
        case 2: {
            struct pollfd ready = {event, POLLIN, 0};
            EQUAL(poll(&ready, 1, 10000), 1);
        }
        }
        EQUAL(FINISH(&control), sizeof out);
    }
    VERIFY(in, sizeof in, 1, 0);
    return 0;
}
