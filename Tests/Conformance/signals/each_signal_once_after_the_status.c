// holds: Each of a thousand requests sends its signal exactly once, with its value, when aio_error no longer says EINPROGRESS.
// source: aio_read
#include "../check.h"

#define COUNT 1000

int main(void) {
    int files[2] = {scratch_file(0), scratch_file(O_DIRECT)}, seen[COUNT] = {0};
    sigset_t set;
    siginfo_t information;
    struct timespec limit = {10, 0}, short_ = {0, 200000000};
    static struct aiocb controls[COUNT];
    unsigned char *buffer = aligned_buffer((size_t)COUNT * 4096);
    for (int i = 0; i < 2; i++) write_pattern(files[i], 65536, 1, 0);
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
    for (int i = 0; i < COUNT; i++) {
        controls[i] = request(files[i % 2], buffer + (size_t)i * 4096, 4096, i % 16 * 4096);
        controls[i].aio_sigevent.sigev_notify = SIGEV_SIGNAL;
        controls[i].aio_sigevent.sigev_signo = SIGRTMIN;
        controls[i].aio_sigevent.sigev_value.sival_int = i;
        OK(aio_read(&controls[i]));
    }
    for (int i = 0; i < COUNT; i++) {
        EQUAL(sigtimedwait(&set, &information, &limit), SIGRTMIN);
        EQUAL(information.si_code, SI_ASYNCIO);
        EQUAL(information.si_pid, getpid());
        EQUAL(information.si_uid, getuid());
        int value = information.si_value.sival_int;
        CHECK(value >= 0 && value < COUNT);
        EQUAL(seen[value]++, 0);
        EQUAL(aio_error(&controls[value]), 0);
        EQUAL(aio_return(&controls[value]), 4096);
        VERIFY(buffer + (size_t)value * 4096, 4096, 1, (uint64_t)value % 16 * 4096);
    }
    FAILS(sigtimedwait(&set, NULL, &short_), EAGAIN);
    return 0;
}
