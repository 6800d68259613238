// holds: Idle reads of eventfds, timerfds, signalfds and inotify, sixteen of each, take no worker: a file behind them is served, one of each can be cancelled and takes nothing then, and each gets what comes.
// source: kaio
#include "streams.h"
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

enum { each = 16, kinds = 4 };

static int opened[kinds][each];
static char directory[] = "watched-XXXXXX";

static const char *watched(int index) {
    static char path[64];
    snprintf(path, sizeof path, "%s/%d", directory, index);
    return path;
}

static void make_ready(int kind, int index) {
    struct itimerspec soon = {{0, 0}, {0, 1000000}};
    uint64_t three = 3;
    if (kind == 0) EQUAL(write(opened[kind][index], &three, 8), 8);
    if (kind == 1) OK(timerfd_settime(opened[kind][index], 0, &soon, NULL));
    if (kind == 2) OK(sigqueue(getpid(), SIGRTMIN + index, (union sigval){.sival_int = index}));
    if (kind == 3) OK(chmod(watched(index), 0500));
}

static void check_stream(void) {
    static struct aiocb controls[kinds][each];
    static char blocks[kinds][each][512];
    sigset_t set;
    CHECK(mkdtemp(directory));
    for (int kind = 0; kind < kinds; kind++) {
        for (int i = 0; i < each; i++) {
            sigemptyset(&set);
            sigaddset(&set, SIGRTMIN + i);
            OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
            int descriptor = kind == 0   ? eventfd(0, EFD_CLOEXEC)
                             : kind == 1 ? timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)
                             : kind == 2 ? signalfd(-1, &set, SFD_CLOEXEC)
                                         : inotify_init1(IN_CLOEXEC);
            CHECK(descriptor >= 0);
            if (kind == 3) {
                OK(mkdir(watched(i), 0700));
                CHECK(inotify_add_watch(descriptor, watched(i), IN_ATTRIB) >= 0);
            }
            opened[kind][i] = descriptor;
            controls[kind][i] = request(descriptor, blocks[kind][i], kind == 0 ? 8 : sizeof blocks[kind][i], 0);
            OK(aio_read(&controls[kind][i]));
        }
    }
    check_service();
    CHECK(count_threads_named("kaio-worker") < 8);
    for (int kind = 0; kind < kinds; kind++) {
        for (int i = 0; i < each; i++) EQUAL(aio_error(&controls[kind][i]), EINPROGRESS);
        EQUAL(aio_cancel(opened[kind][0], &controls[kind][0]), AIO_CANCELED);
        FINISHES_WITH(&controls[kind][0], ECANCELED);
    }
    for (int i = each - 1; i > 0; i--) {
        for (int kind = 0; kind < kinds; kind++) {
            make_ready(kind, i);
            ssize_t got = FINISH(&controls[kind][i]);
            if (kind == 0) CHECK(got == 8 && *(uint64_t *)blocks[kind][i] == 3);
            if (kind == 1) CHECK(got == 8 && *(uint64_t *)blocks[kind][i] == 1);
            if (kind == 2) CHECK(got == sizeof(struct signalfd_siginfo) &&
                                 ((struct signalfd_siginfo *)blocks[kind][i])->ssi_int == i);
            if (kind == 3) CHECK(got >= (ssize_t)sizeof(struct inotify_event) &&
                                 ((struct inotify_event *)blocks[kind][i])->mask & IN_ATTRIB);
        }
    }
    // What was cancelled took nothing.
    uint64_t number;
    make_ready(0, 0);
    EQUAL(read(opened[0][0], &number, 8), 8);
    EQUAL(number, 3);
    // What is ready already.
    make_ready(0, 1);
    OK(aio_read(&controls[0][1]));
    EQUAL(FINISH(&controls[0][1]), 8);
    for (int i = 0; i < each; i++) rmdir(watched(i));
    rmdir(directory);
}
