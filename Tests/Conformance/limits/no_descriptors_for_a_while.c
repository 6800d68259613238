// holds: When no descriptor is left (RLIMIT_NOFILE) a call works by another way or fails with EAGAIN; it works when there are some again.
// source: kaio (extension)
#include "../check.h"
#include <sys/resource.h>

int main(void) {
    int files[2] = {scratch_file(0), scratch_file(O_DIRECT)}, ends[2], worked = 0;
    struct rlimit before, none;
    char byte;
    sigset_t set;
    struct timespec limit = {10, 0};
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
    OK(pipe(ends));
    unsigned char *buffer = aligned_buffer(1 << 20);
    for (int i = 0; i < 2; i++) write_pattern(files[i], 1 << 20, 1, 0);
    OK(getrlimit(RLIMIT_NOFILE, &before));
    none = before;
    none.rlim_cur = 0;
    for (int round = 0; round < 2; round++) {
        if (round == 0) OK(setrlimit(RLIMIT_NOFILE, &none));
        else OK(setrlimit(RLIMIT_NOFILE, &before));
        for (int i = 0; i < 12; i++) {
            size_t size = i & 1 ? 4096 : 1 << 20;
            struct aiocb control = request(files[i / 2 % 2], buffer, size, 0), waiting = request(ends[0], &byte, 1, 0);
            int signals = i % 3 == 0;
            memset(buffer, 0, size);
            if (signals) control.aio_sigevent = (struct sigevent){.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
            if (aio_read(&control) == 0) {
                EQUAL(FINISH(&control), size);
                VERIFY(buffer, size, 1, 0);
                if (signals) EQUAL(sigtimedwait(&set, NULL, &limit), SIGRTMIN);
                worked++;
            } else {
                EQUAL(errno, EAGAIN);
                EQUAL(round, 0);
            }
            if (aio_read(&waiting) == 0) {
                EQUAL(write(ends[1], "x", 1), 1);
                EQUAL(FINISH(&waiting), 1);
            } else {
                EQUAL(errno, EAGAIN);
                EQUAL(round, 0);
            }
        }
        printf("%d of 12 reads worked\n", worked);
        worked = 0;
    }
    return 0;
}
