// Sees the system calls that the threads of a test make, and fails those that the test wants to fail, for as
// long as it wants: a shortage that ends, which a limit of the whole machine could not give to one test alone.
// It is seccomp's user notification, and holds for the thread that calls watch_calls and those it starts later.

#ifndef KAIO_TESTS_SYSCALLS_H
#define KAIO_TESTS_SYSCALLS_H

#include "check.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>

// Sees a call before it is made; gives 0 to let it be made, the errno to fail it with, or one of these. Runs in a thread
// that is not watched itself.
typedef int (*watcher)(const struct seccomp_data *call, pid_t thread);
enum {
    pretend_done = -1, // it is not made, and gives 0
    hold_call = -2,    // it is made once release_call() is called; one at a time
};

static UNUSED watcher watching;
static UNUSED int watch_listener = -1;
static UNUSED pthread_barrier_t watch_barrier;
static UNUSED atomic_ullong held_call; // its number; 0 for none

static UNUSED void answer_call(unsigned long long call, int error) {
    struct seccomp_notif_resp answer = {.id = call};
    if (error > 0) answer.error = -error;
    else if (error == 0) answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    ioctl(watch_listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
}

static UNUSED void release_call(void) { answer_call(atomic_exchange(&held_call, 0), 0); }

static UNUSED void *watch(void *unused) {
    struct seccomp_notif call;
    pthread_barrier_wait(&watch_barrier);
    for (;;) {
        memset(&call, 0, sizeof call);
        if (ioctl(watch_listener, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) {
            if (errno == EINTR || errno == ENOENT) continue;
            return unused;
        }
        int error = watching(&call.data, (pid_t)call.pid);
        if (error == hold_call) atomic_store(&held_call, call.id);
        else answer_call(call.id, error);
    }
}

// The calling thread is traced from here on, and each that it starts. A watched call sleeps, and on a busy machine for long: of a thread
// that is not traced, the library would learn from that to leave such calls to workers.
static UNUSED void be_traced(void) {
    int ready[2], seized[2];
    char byte = 0;
    pid_t thread = gettid();
    OK(pipe(ready));
    OK(pipe(seized));
    pid_t tracer = fork();
    CHECK(tracer >= 0);
    if (tracer == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (read(ready[0], &byte, 1) != 1 || ptrace(PTRACE_SEIZE, thread, 0L, (long)PTRACE_O_TRACECLONE) != 0) _exit(1);
        if (write(seized[1], &byte, 1) != 1) _exit(1);
        for (int status; (thread = waitpid(-1, &status, __WALL)) > 0;)
            if (WIFSTOPPED(status)) ptrace(PTRACE_CONT, thread, 0L, status >> 16 ? 0L : (long)WSTOPSIG(status));
        _exit(0);
    }
    prctl(PR_SET_PTRACER, tracer);
    close(seized[1]);
    EQUAL(write(ready[1], &byte, 1), 1);
    if (read(seized[0], &byte, 1) != 1) failed(__FILE__, __LINE__, "nobody may trace this program");
    close(seized[0]);
    close(ready[0]);
    close(ready[1]);
}

static UNUSED void watch_calls(watcher watcher, const int *calls, int count) {
    struct sock_filter filter[64];
    int length = 0;
    sigset_t all, before;
    pthread_t thread;
    watching = watcher;
    OK(pthread_barrier_init(&watch_barrier, NULL, 2));
    sigfillset(&all);
    OK(pthread_sigmask(SIG_BLOCK, &all, &before));
    OK(pthread_create(&thread, NULL, watch, NULL));
    OK(pthread_sigmask(SIG_SETMASK, &before, NULL));
    for (int i = 0; i < count; i++)
        if (calls[i] == SYS_io_submit || calls[i] == SYS_preadv2 || calls[i] == SYS_pwritev2) {
            be_traced();
            break;
        }
    filter[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (int i = 0; i < count; i++) {
        filter[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i], 0, 1);
        filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
    }
    filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {(unsigned short)length, filter};
    OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    watch_listener =
        (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
    if (watch_listener < 0) failed(__FILE__, __LINE__, "seccomp: %s", strerror(errno));
    pthread_barrier_wait(&watch_barrier);
}

#endif
