// holds: aio_error, of a finished request or of one in progress with nothing to harvest, makes no system call; nor does aio_return.
// source: kaio
//
// The program traces a second one of itself, which marks the place to look at with two calls that nobody else makes.
#include "../check.h"

#include <sys/ptrace.h>
#include <sys/user.h>

enum { count = 50, size = 4096, marker = SYS_getpgrp };

static void work(void) {
    int descriptor = scratch_file(O_DIRECT), ends[2], wrong = 0;
    open_pipe(ends);
    write_pattern(descriptor, size, 1, 0);
    unsigned char *block = aligned_buffer(size);
    char byte;
    struct aiocb waiting = request(ends[0], &byte, 1, 0), finished[count];
    OK(aio_read(&waiting));
    for (int i = 0; i < count; i++) {
        finished[i] = request(descriptor, block, size, 0);
        OK(aio_read(&finished[i]));
        EQUAL(wait_for(&finished[i], 10), 0);
    }
    OK(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
    raise(SIGSTOP);
    syscall(marker);
    for (int i = 0; i < count; i++)
        wrong += aio_error(&waiting) != EINPROGRESS || aio_error(&finished[i]) != 0 ||
                 aio_return(&finished[i]) != size || aio_error(&finished[i]) != EINVAL;
    syscall(marker);
    EQUAL(wrong, 0);
    EQUAL(write(ends[1], "x", 1), 1);
    EQUAL(FINISH(&waiting), 1);
}

int main(int arguments, char **names) {
    (void)names;
    if (arguments > 1) {
        work();
        return 0;
    }
    pid_t child = fork();
    if (child == 0) {
        execl("/proc/self/exe", "again", "work", (char *)NULL);
        _exit(127);
    }
    int status, markers = 0, calls = 0;
    EQUAL(waitpid(child, &status, 0), child);
    CHECK(WIFSTOPPED(status));
    OK(ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
    for (int deliver = 0;;) {
        OK(ptrace(PTRACE_SYSCALL, child, NULL, deliver));
        EQUAL(waitpid(child, &status, 0), child);
        if (!WIFSTOPPED(status)) break;
        deliver = WSTOPSIG(status) == (SIGTRAP | 0x80) ? 0 : WSTOPSIG(status);
        if (deliver) continue;
        struct __ptrace_syscall_info info;
        CHECK(ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof info, &info) > 0);
        if (info.op != PTRACE_SYSCALL_INFO_ENTRY) continue;
        if (info.entry.nr == marker) markers++;
        else if (markers == 1) {
            calls++;
            printf("system call %llu\n", (unsigned long long)info.entry.nr);
        }
    }
    EQUAL(status, 0);
    EQUAL(markers, 2);
    EQUAL(calls, 0);
}
