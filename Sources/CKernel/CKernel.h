// What Swift can't say: a system call that leaves errno alone, a siginfo_t, a frame that hears of its end,
// errno itself. Header-only; everything else is Swift, in Sources/Kaio/Kernel.

#ifndef CKERNEL_H
#define CKERNEL_H

#include <aio.h>
#include <asm/ioctls.h>
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <linux/aio_abi.h>
#include <linux/futex.h>
#include <linux/ioprio.h>
#include <linux/stat.h>
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
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "../../include/kaio.h"

// Swift's functions in the Embedded mode are said to throw nothing, so the compiler would write their unwind tables where
// only a debugger looks. The cancellation of a thread, and backtrace(), need them in the program. Once in an object is
// enough. (Tests/run library/every_function_can_be_unwound)
#define CK_UNWIND_TABLES ".cfi_sections .eh_frame, .debug_frame\n\t"

// Memory that is to be needed soon is fetched meanwhile.
static inline void ck_prefetch(const void *start, long length) {
    for (long at = 0; at < length; at += 64) __builtin_prefetch((const char *)start + at, 1);
}

// One system call in the kernel's own convention: the result, or -errno. errno is not touched, so that a
// call which succeeds in the end has no trace there, and a signal handler may make one at any time.
static inline long ck_syscall(long number, long a, long b, long c, long d, long e, long f) {
#if defined(__x86_64__)
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile(CK_UNWIND_TABLES "syscall"
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
    __asm__ volatile(CK_UNWIND_TABLES "svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
#else
#error "kaio knows the system call convention of x86-64 and aarch64"
#endif
}

// Where a thread may be cancelled: between these two, and in pthread_testcancel at the beginning of a call that may wait.
// Nothing is locked there, and what the function that calls them has to give up when it is left in that way is given up
// by ck_unwinds; see ck_gives_up_when_unwound.
static inline int ck_begin_cancellable(void) {
    int before;
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &before);
    return before;
}
static inline void ck_end_cancellable(int before) { pthread_setcanceltype(before, NULL); }

// Makes ck_unwinds (in Runtime/ThreadExit.swift) the personality routine of the function that calls this: it is called
// when the frame is unwound, by a cancellation or an exception out of a signal handler. Unlike a cleanup handler it
// leaves nothing behind in the thread where a handler jumps out of the frame. Where tables are the debugger's only it
// is not called.
static inline __attribute__((always_inline)) void ck_gives_up_when_unwound(void) {
    __asm__ volatile(".hidden ck_unwinds\n\t.cfi_personality 0x1b, ck_unwinds");
}

// The lists that this thread waits for, newest first; see Runtime/ThreadExit.swift. One copy for each object file: to be
// used from one Swift file only.
static inline void **ck_held_lists(void) {
    static _Thread_local void *lists __attribute__((tls_model("initial-exec")));
    return &lists;
}

// The kernel's struct termios, whose header and the C library's can't both be included, and what is looked at in it.
struct ck_termios {
    unsigned int input, output, control, local;
    unsigned char line, characters[19];
};
enum { ck_OPOST = 1, ck_ICANON = 2, ck_VTIME = 5, ck_VMIN = 6 };

static inline void ck_set_errno(int error) { errno = error; }
static inline int ck_errno(void) { return errno; }

// The call of a C module that this thread is in. In the thread's own block, so that no allocator is entered. One copy
// for each object file: to be used from one Swift file only.
static inline void **ck_current_call(void) {
    static _Thread_local void *call __attribute__((tls_model("initial-exec")));
    return &call;
}

// Whether this thread has all signals blocked for good. One copy for each object file: to be used from one Swift file only.
static inline char *ck_blocks_signals(void) {
    static _Thread_local char blocks __attribute__((tls_model("initial-exec")));
    return &blocks;
}

// How many locks this thread holds; a debug build counts them. One copy for each object file: to be used from one Swift file only.
static inline int *ck_held_locks(void) {
    static _Thread_local int locks __attribute__((tls_model("initial-exec")));
    return &locks;
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

// The C library's call for each loaded object, which <link.h> shows under _GNU_SOURCE only.
struct ck_object {
    ElfW(Addr) address;
    const char *name;
    const ElfW(Phdr) *headers;
    ElfW(Half) header_count;
};
int ck_visit_objects(int (*visit)(struct ck_object *object, size_t size, void *argument), void *argument)
    __asm__("dl_iterate_phdr");

// dlopen, or null in a static program: that has no dynamic loader whose functions could be found by name. A plain
// reference would have the linker warn of every static program that contains libkaio.a.
typedef void *(*ck_dlopen_function)(const char *file, int mode);
static inline ck_dlopen_function ck_dlopen(void) {
    return (ck_dlopen_function)dlsym(NULL /* RTLD_DEFAULT */, "dlopen");
}

// For what the library does as it is loaded. The calling function is one that is there in any case; ck_start is in
// ABI/Neighbours.swift.
static inline __attribute__((always_inline)) void ck_starts_here(void) {
    __asm__ volatile(".hidden ck_start\n\t"
                     ".pushsection .init_array, \"aw\", @init_array\n\t"
                     ".balign 8\n\t.quad ck_start\n\t.popsection");
}

// The definition of a name that comes after the library's own.
static inline void *ck_next(const char *name) { return dlsym((void *)-1l /* RTLD_NEXT */, name); }

// The C library's own definition of a name, or null; null in a static program, which has no dynamic loader to ask.
static inline void *ck_in_c_library(const char *name) {
    extern const char dynamic[] __asm__("_DYNAMIC") __attribute__((weak, visibility("hidden")));
    ck_dlopen_function open = &dynamic[0] ? ck_dlopen() : NULL;
    void *library = open ? open("libc.so.6", RTLD_LAZY | RTLD_NOLOAD) : NULL;
    return library ? dlsym(library, name) : NULL;
}

// What a program's references to a name arrive at.
static inline void *ck_for_program(const char *name) { return dlsym(NULL /* RTLD_DEFAULT */, name); }

// The version has one place, the public header.
static inline const char *ck_version(void) { return KAIO_VERSION; }

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

// The C library's own fclose, in the same way, and the number of a stream's descriptor or -1; errno stays.
int ck_fclose(void *stream) __asm__("_IO_fclose");
int ck_fileno(void *stream) __asm__("fileno");
static inline int ck_stream_number(void *stream) {
    int before = errno, number = ck_fileno(stream);
    errno = before;
    return number;
}

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
