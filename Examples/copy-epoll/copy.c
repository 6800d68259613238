// Copies a file with a window of asynchronous requests, and waits in epoll: completions come as KAIO_SIGEV_EVENTFD,
// signals by a signalfd. A program with an event loop of its own has the same two descriptors in it, beside its sockets.
//
//     ./copy [-d] [-b BLOCK] [-n REQUESTS] SOURCE TARGET
//
// ../copying.h has the copying itself.
#define _GNU_SOURCE
#include <kaio.h>

#include "../copying.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

static int loop, completions, signals;

static void watch(int descriptor) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
    if (descriptor < 0 || epoll_ctl(loop, EPOLL_CTL_ADD, descriptor, &event) != 0)
        complain("epoll: %s", strerror(errno)), exit(1);
}

static void prepare_to_wait(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    if ((loop = epoll_create1(EPOLL_CLOEXEC)) < 0) complain("epoll: %s", strerror(errno)), exit(1);
    watch(completions = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    watch(signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

static void announce(struct aiocb *control) {
    control->aio_sigevent.sigev_notify = KAIO_SIGEV_EVENTFD;
    control->aio_sigevent.sigev_value.sival_int = completions;
}

// One signal of the eventfd may stand for many completions, and for none that can be seen yet: it says "look".
static void wait_for_some(void) {
    struct epoll_event events[2];
    int count = epoll_wait(loop, events, 2, -1);
    for (int i = 0; i < count; i++) {
        if (events[i].data.fd == completions) {
            eventfd_t number;
            eventfd_read(completions, &number);
        } else {
            struct signalfd_siginfo information;
            if (read(signals, &information, sizeof information) == sizeof information)
                signal_seen = (int)information.ssi_signo;
        }
    }
}
