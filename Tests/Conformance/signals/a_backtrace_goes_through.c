// holds: backtrace() in a signal handler comes to the program's own frames from wherever in a call it interrupts the thread.
// source: kaio
#include "../check.h"
#include <execinfo.h>
#include <sys/auxv.h>
#include <sys/time.h>
#include <ucontext.h>

// The function whose frame must be found lies in a section of its own, which the linker names the ends of.
extern const char __start_callers[], __stop_callers[];
static volatile sig_atomic_t inside, traces, lost;
static void *lost_at;

static void *place(const ucontext_t *context) {
#ifdef __aarch64__
    return (void *)context->uc_mcontext.pc;
#else
    return (void *)context->uc_mcontext.gregs[REG_RIP];
#endif
}

// On AArch64 linkers make no unwind tables for what they make themselves, the at most five instructions that a call of another
// object's function goes through, of which "br x17" is the last; and those of the kernel's own object are not right at each instruction.
static int is_without_tables(const ucontext_t *context) {
#ifdef __aarch64__
    const char *kernels = (const char *)getauxval(AT_SYSINFO_EHDR), *at = place(context);
    if (at >= kernels && at < kernels + 65536) return 1;
    const uint32_t *code = (const uint32_t *)at;
    for (int i = 0; i < 5; i++)
        if (code[i] == 0xd61f0220) return 1;
#endif
    (void)context;
    return 0;
}

static void handler(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)info;
    if (!inside || is_without_tables(context)) return;
    void *frames[64];
    int count = backtrace(frames, 64), found = 0;
    for (int i = 0; i < count; i++) {
        const char *address = frames[i];
        found += address >= __start_callers && address < __stop_callers;
    }
    traces++;
    lost += !found;
    if (!found) lost_at = place(context);
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
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    OK(sigaction(SIGALRM, &action, NULL));
    struct itimerval every = {{0, 500}, {0, 500}};
    open_pipe(ends);
    OK(setitimer(ITIMER_REAL, &every, NULL));
    caller(file, ends[0], ends[1]);
    memset(&every, 0, sizeof every);
    OK(setitimer(ITIMER_REAL, &every, NULL));
    printf("%d traces, %d of them lost\n", (int)traces, (int)lost);
    CHECK(traces > 20);
    Dl_info object = {.dli_fname = "no object"};
    dladdr(lost_at, &object);
    if (lost) failed(__FILE__, __LINE__, "%d of %d lost, the last in %s at %#tx", (int)lost, (int)traces, object.dli_fname,
                     (char *)lost_at - (char *)object.dli_fbase);
    return 0;
}
