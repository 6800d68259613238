// holds: backtrace() in a signal handler comes to the program's own frames from wherever in a call it interrupts the thread.
// source: kaio
#include "../check.h"
#include <execinfo.h>
#include <sys/time.h>

// The function whose frame must be found lies in a section of its own, which the linker names the ends of.
extern const char __start_callers[], __stop_callers[];
static volatile sig_atomic_t inside, traces, lost;

static void handler(int signal) {
    (void)signal;
    if (!inside) return;
    void *frames[64];
    int count = backtrace(frames, 64), found = 0;
    for (int i = 0; i < count; i++) {
        const char *address = frames[i];
        found += address >= __start_callers && address < __stop_callers;
    }
    traces++;
    lost += !found;
}

__attribute__((noinline, section("callers"))) static void caller(int file, int pipe_end, int other_end) {
    static char bytes[4096];
    char byte;
    inside = 1;
    for (double end = now() + 2; now() < end && traces < 200;) {
        struct timespec moment = {0, 1000000};
        struct aiocb control = request(file, bytes, sizeof bytes, 0), idle = request(pipe_end, &byte, 1, 0);
        const struct aiocb *list[1] = {&idle};
        struct aiocb *members[1] = {&control};
        control.aio_lio_opcode = LIO_WRITE;
        OK(aio_read(&idle));
        aio_suspend(list, 1, &moment);
        lio_listio(LIO_WAIT, members, 1, NULL);
        while (aio_error(&control) == EINPROGRESS) {}
        EQUAL(write(other_end, "x", 1), 1);
        while (aio_error(&idle) == EINPROGRESS) {}
        EQUAL(aio_return(&idle), 1);
        aio_return(&control);
        close(-1);
    }
    inside = 0;
}

int main(void) {
    void *frames[4];
    int ends[2], file = scratch_file(0);
    backtrace(frames, 4);  // It loads what it needs at its first call, which no handler may be.
    struct sigaction action = {.sa_handler = handler};
    OK(sigaction(SIGALRM, &action, NULL));
    struct itimerval every = {{0, 500}, {0, 500}};
    open_pipe(ends);
    OK(setitimer(ITIMER_REAL, &every, NULL));
    caller(file, ends[0], ends[1]);
    memset(&every, 0, sizeof every);
    OK(setitimer(ITIMER_REAL, &every, NULL));
    printf("%d traces, %d of them lost\n", (int)traces, (int)lost);
    CHECK(traces > 20);
    EQUAL(lost, 0);
    return 0;
}
