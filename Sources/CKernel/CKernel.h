// What Swift can't say: a system call that leaves errno alone, a siginfo_t, a sleep that can be cancelled,
// errno itself. Header-only; everything else is Swift, in Sources/Kaio/Kernel.

#ifndef CKERNEL_H
#define CKERNEL_H

#include <aio.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libaio.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/ioprio.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

// One system call in the kernel's own convention: the result, or -errno. errno is not touched, so that a
// call which succeeds in the end has no trace there, and a signal handler may make one at any time.
static inline long ck_syscall(long number, long a, long b, long c, long d, long e, long f) {
#if defined(__x86_64__)
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
#else
#error "kaio knows the system call convention of x86-64 and aarch64"
#endif
}

// A system call in which the calling thread may be cancelled (pthread_cancel). Nothing may be held across it.
static inline long ck_cancellable_syscall(long number, long a, long b, long c, long d, long e, long f) {
    long result;
    int type;
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &type);
    result = ck_syscall(number, a, b, c, d, e, f);
    pthread_setcanceltype(type, NULL);
    return result;
}

// The same, and `cleanup` runs, with `argument`, if the thread is cancelled. A signal handler must not jump out of
// this one: the thread would keep the address of this frame.
static inline long ck_cancellable_syscall_with_cleanup(long number, long a, long b, long c, long d, long e,
                                                       long f, void (*cleanup)(void *), void *argument) {
    long result;
    pthread_cleanup_push(cleanup, argument);
    result = ck_cancellable_syscall(number, a, b, c, d, e, f);
    pthread_cleanup_pop(0);
    return result;
}

static inline void ck_set_errno(int error) { errno = error; }
static inline int ck_errno(void) { return errno; }

// The call of a C module that this thread is in. In the thread's own block, so that no allocator is entered. One copy
// for each object file: to be used from one Swift file only.
static inline void **ck_current_call(void) {
    static _Thread_local void *call __attribute__((tls_model("initial-exec")));
    return &call;
}

// Whether the calling thread may be cancelled; returns what was set before.
static inline int ck_set_cancellable(int state) {
    int before;
    pthread_setcancelstate(state, &before);
    return before;
}
static inline int ck_disable_cancellation(void) { return ck_set_cancellable(PTHREAD_CANCEL_DISABLE); }

// The C library's dladdr, which <dlfcn.h> shows under _GNU_SOURCE only: the file that an address lies in, or null.
struct ck_dl_info {
    const char *file;
    void *base;
    const char *symbol;
    void *address;
};
int ck_dladdr(const void *address, struct ck_dl_info *info) __asm__("dladdr");
static inline const char *ck_object_of(const void *address) {
    struct ck_dl_info info;
    return ck_dladdr(address, &info) ? info.file : NULL;
}

// dlopen, or null in a static program: that has no dynamic loader whose functions could be found by name. A plain
// reference would have the linker warn of every static program that contains libkaio.a.
typedef void *(*ck_dlopen_function)(const char *file, int mode);
static inline ck_dlopen_function ck_dlopen(void) {
    return (ck_dlopen_function)dlsym(NULL /* RTLD_DEFAULT */, "dlopen");
}

static inline char **ck_environment(void) {
    extern char **environ;
    return environ;
}

// Queues a signal with si_code SI_ASYNCIO for the process, or for one thread of it where thread is not 0.
// Returns 0 or -errno (-EAGAIN: the queue is full).
static inline long ck_queue_signal(int process, int thread, int signal, union sigval value) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    info.si_signo = signal;
    info.si_code = SI_ASYNCIO;
    info.si_pid = process;
    info.si_uid = getuid();
    info.si_value = value;
    if (thread != 0)
        return ck_syscall(SYS_rt_tgsigqueueinfo, process, thread, signal, (long)&info, 0, 0);
    return ck_syscall(SYS_rt_sigqueueinfo, process, signal, (long)&info, 0, 0, 0);
}

typedef void (*ck_notify_function)(union sigval);

static inline ck_notify_function ck_sigevent_function(const struct sigevent *event) {
    return event->sigev_notify_function;
}

static inline void *ck_sigevent_attributes(const struct sigevent *event) {
    return event->sigev_notify_attributes;
}

// The C library's own dup2, under the name that a program's calls do not go through.
int __dup2(int from, int to);

static inline int ck_dup2(int from, int to) { return __dup2(from, to); }

// The member that SIGEV_THREAD_ID names its thread with.
static inline int ck_sigevent_thread(const struct sigevent *event) { return event->_sigev_un._tid; }

// The C library's struct aioinit, which <aio.h> shows under _GNU_SOURCE only. (A header that defines that
// itself breaks Swift's importer.)
struct ck_aioinit {
    int aio_threads;   // most threads
    int aio_num;       // requests expected at the same time
    int aio_locks, aio_usedba, aio_debug, aio_numusers;
    int aio_idle_time; // seconds until an idle thread ends
    int aio_reserved;
};

// The hint for a processor that spins.
static inline void ck_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#else
    __asm__ volatile("yield");
#endif
}

#endif
