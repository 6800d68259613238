// holds: close on a descriptor without requests takes as long as the system call does, with many requests in flight elsewhere.
// source: kaio (extension)
// limit: 60
#include "../check.h"

#define CALLS 500

static int ends[2];

// The best of many rounds: what the machine does besides only ever adds to it.
static double seconds_for(int through_library) {
    static int numbers[CALLS];
    double best = 1e9;
    for (int round = 0; round < 60; round++) {
        for (int i = 0; i < CALLS; i++) numbers[i] = dup(ends[1]);
        double start = now();
        if (through_library) for (int i = 0; i < CALLS; i++) close(numbers[i]);
        else for (int i = 0; i < CALLS; i++) syscall(SYS_close, numbers[i]);
        double time = now() - start;
        if (time < best) best = time;
    }
    return best / CALLS;
}

int main(void) {
    static struct aiocb controls[1000];
    static char bytes[1000];
    OK(pipe(ends));
    double raw = seconds_for(0), idle = seconds_for(1);
    for (int i = 0; i < 1000; i++) {
        controls[i] = request(ends[0], &bytes[i], 1, 0);
        OK(aio_read(&controls[i]));
    }
    double busy = seconds_for(1);
    printf("system call %.0f ns; close %.0f ns; with 1000 in flight %.0f ns\n", raw * 1e9, idle * 1e9, busy * 1e9);
    CHECK(idle < raw * 1.5 + 50e-9);
    CHECK(busy < raw * 1.5 + 50e-9);
    return 0;
}
