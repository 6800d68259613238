// holds: The parent's requests go on across a fork, with data and notifications, and the child gets none of them.
// source: fork
#include "../check.h"

#define COUNT 64

static volatile sig_atomic_t caught;
static void handler(int number) { caught += number == SIGRTMIN; }

int main(void) {
    int file = scratch_file(0), direct = scratch_file(O_DIRECT), ends[2];
    static struct aiocb controls[COUNT];
    static char bytes[COUNT];
    unsigned char *buffer = aligned_buffer(COUNT * 65536);
    struct sigaction action = {.sa_handler = handler};
    OK(sigaction(SIGRTMIN, &action, NULL));
    write_pattern(file, 1 << 20, 1, 0);
    write_pattern(direct, COUNT * 65536, 2, 0);
    OK(pipe(ends));
    for (int round = 0; round < 20; round++) {
        caught = 0;
        memset(buffer, 0, COUNT * 65536);
        for (int i = 0; i < COUNT; i++) {
            controls[i] = i % 2 ? request(direct, buffer + i * 65536, 65536, i * 65536)
                                : request(ends[0], &bytes[i], 1, 0);
            controls[i].aio_sigevent.sigev_notify = SIGEV_SIGNAL;
            controls[i].aio_sigevent.sigev_signo = SIGRTMIN;
            OK(aio_read(&controls[i]));
        }
        sigset_t set, before;
        sigemptyset(&set);
        sigaddset(&set, SIGRTMIN);
        OK(pthread_sigmask(SIG_BLOCK, &set, &before));
        pid_t child = fork();
        if (child == 0) {
            caught = 0;
            OK(pthread_sigmask(SIG_SETMASK, &before, NULL));
            sleep_for(0.02);
            EQUAL(caught, 0);
            _exit(0);
        }
        OK(pthread_sigmask(SIG_SETMASK, &before, NULL));
        EQUAL(write(ends[1], buffer, COUNT / 2), COUNT / 2);
        for (int i = 0; i < COUNT; i++) {
            EQUAL(FINISH(&controls[i]), i % 2 ? 65536 : 1);
            if (i % 2) VERIFY(buffer + i * 65536, 65536, 2, (uint64_t)i * 65536);
        }
        for (double end = now() + 10; caught < COUNT && now() < end;) sleep_for(0.001);
        EQUAL(caught, COUNT);
        EXITS(child);
    }
    return 0;
}
