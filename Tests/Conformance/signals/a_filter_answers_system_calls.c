// holds: A sandbox that answers system calls in a SIGSYS handler (seccomp) may answer the library's: requests are done another way.
// source: kaio
// compare: no
#define NEEDS_KAIO
#include "../check.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <ucontext.h>

static _Atomic int answered;

static void handler(int signal, siginfo_t *information, void *context) {
    (void)signal, (void)information;
#if defined __x86_64__
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = -ENOSYS;
#else
    ((ucontext_t *)context)->uc_mcontext.regs[0] = (unsigned long long)-ENOSYS;
#endif
    answered++;
}

#define TRAP(number) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP)

int main(void) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    OK(sigaction(SIGSYS, &action, NULL));
    check_service();
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        TRAP(SYS_io_submit),
        TRAP(SYS_preadv2),
        TRAP(SYS_pwritev2),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    OK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program));
    for (int i = 0; i < 10; i++) check_service();
    printf("%d system calls were answered\n", answered);
    CHECK(answered > 0);
    return 0;
}
