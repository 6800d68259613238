// holds: When no signal can be queued (RLIMIT_SIGPENDING) the notification is late, not lost, and the result is what it is.
// source: kaio (extension)
#include "../check.h"
#include <sys/resource.h>

#define COUNT 32

int main(void) {
    int file = scratch_file(0), seen = 0;
    struct rlimit before, none;
    sigset_t set;
    siginfo_t information;
    struct timespec limit = {10, 0}, short_ = {0, 100000000};
    unsigned char buffer[COUNT][512];
    struct aiocb controls[COUNT];
    write_pattern(file, sizeof buffer, 1, 0);
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
    OK(getrlimit(RLIMIT_SIGPENDING, &before));
    none = before;
    none.rlim_cur = 0;
    OK(setrlimit(RLIMIT_SIGPENDING, &none));
    for (int i = 0; i < COUNT; i++) {
        controls[i] = request(file, buffer[i], 512, i * 512);
        controls[i].aio_sigevent.sigev_notify = SIGEV_SIGNAL;
        controls[i].aio_sigevent.sigev_signo = SIGRTMIN;
        controls[i].aio_sigevent.sigev_value.sival_int = i;
        OK(aio_read(&controls[i]));
    }
    for (int i = 0; i < COUNT; i++) {
        EQUAL(FINISH(&controls[i]), 512);
        VERIFY(buffer[i], 512, 1, (uint64_t)i * 512);
    }
    FAILS(sigtimedwait(&set, &information, &short_), EAGAIN);
    OK(setrlimit(RLIMIT_SIGPENDING, &before));
    for (int i = 0; i < COUNT; i++) {
        EQUAL(sigtimedwait(&set, &information, &limit), SIGRTMIN);
        CHECK(!(seen & 1u << information.si_value.sival_int));
        seen |= 1u << information.si_value.sival_int;
    }
    FAILS(sigtimedwait(&set, &information, &short_), EAGAIN);
    return 0;
}
