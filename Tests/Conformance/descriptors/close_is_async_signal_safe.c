// holds: close and dup2 may be called by a handler that interrupts any function of aio.h on the same thread.
// source: close (async-signal-safe)
// limit: 40
#include "../check.h"
#include <sys/time.h>

static int file;
static volatile sig_atomic_t closed;

static void handler(int number) {
    int before = errno, duplicate = dup(file);
    (void)number;
    if (closed % 2) EQUAL(dup2(file, duplicate), duplicate);
    OK(close(duplicate));
    closed++;
    errno = before;
}

int main(void) {
    static unsigned char buffers[16][4096];
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    struct itimerval times = {{0, 300}, {0, 300}};
    file = scratch_file(0);
    write_pattern(file, 65536, 1, 0);
    deadline(30);
    OK(sigaction(SIGALRM, &action, NULL));
    OK(setitimer(ITIMER_REAL, &times, NULL));
    for (double end = now() + 3; now() < end || closed < 100;) {
        int number = dup(file), ends[2];
        char byte;
        struct aiocb controls[16], waiting;
        OK(pipe(ends));
        waiting = request(ends[0], &byte, 1, 0);
        OK(aio_read(&waiting));
        for (int i = 0; i < 16; i++) {
            controls[i] = request(number, buffers[i], 4096, i * 4096);
            fill(buffers[i], 4096, 1, (uint64_t)i * 4096);
            OK(i % 2 ? aio_read(&controls[i]) : aio_write(&controls[i]));
        }
        for (int i = 0; i < 8; i++) EQUAL(FINISH(&controls[i]), 4096);
        OK(close(number));
        OK(close(ends[0]));
        for (int i = 8; i < 16; i++) {
            int error = wait_for(&controls[i], 10);
            CHECK(error == 0 || error == ECANCELED);
        }
        FINISHES_WITH(&waiting, ECANCELED);
        OK(close(ends[1]));
    }
    return 0;
}
