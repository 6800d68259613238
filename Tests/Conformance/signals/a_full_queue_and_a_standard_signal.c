// holds: When no signal can be queued, a standard signal is late too, and comes with its value.
// source: kaio (extension)
#include "../check.h"
#include <sys/resource.h>

int main(void) {
    int file = scratch_file(0);
    char buffer[512];
    struct rlimit before, none;
    sigset_t set;
    siginfo_t information;
    struct timespec limit = {10, 0}, moment = {0, 100000000};
    write_pattern(file, sizeof buffer, 1, 0);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
    OK(getrlimit(RLIMIT_SIGPENDING, &before));
    none = before;
    none.rlim_cur = 0;
    OK(setrlimit(RLIMIT_SIGPENDING, &none));
    struct aiocb control = request(file, buffer, sizeof buffer, 0);
    control.aio_sigevent.sigev_notify = SIGEV_SIGNAL;
    control.aio_sigevent.sigev_signo = SIGUSR1;
    control.aio_sigevent.sigev_value.sival_int = 42;
    OK(aio_read(&control));
    EQUAL(FINISH(&control), sizeof buffer);
    VERIFY(buffer, sizeof buffer, 1, 0);
    FAILS(sigtimedwait(&set, &information, &moment), EAGAIN);
    OK(setrlimit(RLIMIT_SIGPENDING, &before));
    EQUAL(sigtimedwait(&set, &information, &limit), SIGUSR1);
    EQUAL(information.si_code, SI_ASYNCIO);
    EQUAL(information.si_value.sival_int, 42);
}
