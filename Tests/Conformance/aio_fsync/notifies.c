// holds: When aio_fsync is done the request's aio_sigevent is honoured.
// source: aio_fsync
#include "../check.h"

int main(void) {
    int file = scratch_file(0);
    sigset_t set;
    siginfo_t information;
    struct timespec limit = {10, 0};
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
    EQUAL(write(file, "x", 1), 1);
    struct aiocb control = request(file, NULL, 0, 0);
    control.aio_sigevent.sigev_notify = SIGEV_SIGNAL;
    control.aio_sigevent.sigev_signo = SIGUSR1;
    control.aio_sigevent.sigev_value.sival_int = 42;
    OK(aio_fsync(O_SYNC, &control));
    EQUAL(sigtimedwait(&set, &information, &limit), SIGUSR1);
    EQUAL(information.si_value.sival_int, 42);
    EQUAL(aio_error(&control), 0);
    EQUAL(aio_return(&control), 0);
    return 0;
}
