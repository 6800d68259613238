// holds: SIGEV_SIGNAL queues the signal with si_code SI_ASYNCIO, the request's si_value, and this process as si_pid.
// source: aio.h, sigaction
#include "../check.h"

int main(void) {
    const int numbers[] = {SIGUSR1, SIGIO, SIGRTMIN, SIGRTMAX};
    int descriptor = scratch_file(0);
    char block[512] = {0};
    for (int i = 0; i < 8; i++) {
        int number = numbers[i / 2];
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, number);
        OK(sigprocmask(SIG_BLOCK, &set, NULL));
        struct aiocb control = request(descriptor, block, sizeof block, 0);
        control.aio_sigevent.sigev_notify = SIGEV_SIGNAL;
        control.aio_sigevent.sigev_signo = number;
        if (i % 2) control.aio_sigevent.sigev_value.sival_ptr = &control;
        else control.aio_sigevent.sigev_value.sival_int = -7 - i;
        OK(aio_write(&control));

        siginfo_t info;
        const struct timespec limit = {10, 0};
        EQUAL(sigtimedwait(&set, &info, &limit), number);
        EQUAL(info.si_signo, number);
        EQUAL(info.si_code, SI_ASYNCIO);
        if (i % 2) CHECK(info.si_value.sival_ptr == &control);
        else EQUAL(info.si_value.sival_int, -7 - i);
        EQUAL(info.si_pid, getpid());
        EQUAL(info.si_uid, getuid());
        EQUAL(aio_error(&control), 0);
        EQUAL(aio_return(&control), sizeof block);
        const struct timespec soon = {0, 50000000};
        FAILS(sigtimedwait(&set, NULL, &soon), EAGAIN);
    }
}
