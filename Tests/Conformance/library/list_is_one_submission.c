// holds: lio_listio gives its whole list to the kernel with one io_submit.
// source: kaio
//
// The program traces a second one of itself, which marks the place to look at with two calls that nobody else makes.
#include "../check.h"

#include <sys/ptrace.h>
#include <sys/user.h>

enum { count = 32, size = 4096, marker = SYS_getpgrp };

static void work(void) {
    int descriptor = scratch_file(O_DIRECT);
    write_pattern(descriptor, count * size, 1, 0);
    unsigned char *blocks = aligned_buffer(count * size);
    struct aiocb controls[count], *list[count];
    for (int i = 0; i < count; i++) {
        controls[i] = request(descriptor, blocks + i * size, size, i * size);
        controls[i].aio_lio_opcode = LIO_READ;
        list[i] = &controls[i];
    }
    check_service();  // the first use is over
    OK(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
    raise(SIGSTOP);
    syscall(marker);
    OK(lio_listio(LIO_WAIT, list, count, NULL));
    syscall(marker);
    for (int i = 0; i < count; i++) EQUAL(aio_return(&controls[i]), size);
    VERIFY(blocks, count * size, 1, 0);
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
    int status, markers = 0, submissions = 0;
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
        markers += info.entry.nr == marker;
        submissions += markers == 1 && info.entry.nr == SYS_io_submit;
    }
    EQUAL(status, 0);
    EQUAL(markers, 2);
    EQUAL(submissions, 1);
}
