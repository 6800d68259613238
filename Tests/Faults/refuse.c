// refuse LIBRARY CALL ERRNO WHEN PROGRAM ARGUMENT...
//
// Runs a program and fails one of the system calls that LIBRARY makes in it, and only those: the program's own, and the
// C library's, are let through. WHEN is first, third (every third one), later (from the twentieth on) or always. Threads that
// a library starts are started by the C library, so clone3 is failed wherever it comes from; and of futex only what sleeps.
//
// It is seccomp's user notification: this process sees each such call before it is made, and where it comes from. The
// exit status is the program's, 128 and the number of the signal that killed it, or 125. How often it failed the
// call stands in the file that REFUSE_COUNT names.

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAME(name) {#name, SYS_##name}
static const struct name {
    const char *name;
    int number;
} calls[] = {
    NAME(clock_gettime), NAME(clone3), NAME(close), NAME(close_range), NAME(dup3), NAME(epoll_create1), NAME(epoll_ctl),
    NAME(epoll_pwait), NAME(eventfd2), NAME(fcntl), NAME(fdatasync), NAME(fstat), NAME(fsync), NAME(futex), NAME(getpid),
    NAME(getrandom), NAME(getsockopt), NAME(gettid), NAME(inotify_add_watch), NAME(inotify_init1), NAME(inotify_rm_watch),
    NAME(io_cancel), NAME(io_destroy), NAME(io_pgetevents), NAME(io_setup), NAME(io_submit), NAME(ioctl), NAME(lseek), NAME(madvise), NAME(mmap), NAME(mprotect), NAME(mremap), NAME(munlock),
    NAME(munmap), NAME(nanosleep), NAME(openat), NAME(poll), NAME(ppoll), NAME(prctl), NAME(pread64), NAME(preadv),
    NAME(preadv2), NAME(prlimit64), NAME(pwrite64), NAME(pwritev), NAME(pwritev2), NAME(read), NAME(readlinkat), NAME(readv),
    NAME(recvmsg), NAME(rt_sigpending), NAME(rt_sigprocmask), NAME(rt_sigqueueinfo), NAME(rt_sigtimedwait),
    NAME(rt_tgsigqueueinfo), NAME(sched_getscheduler), NAME(sched_setscheduler), NAME(sched_yield), NAME(sendmsg), NAME(statx),
    NAME(tgkill), NAME(timerfd_create), NAME(timerfd_settime), NAME(write), NAME(writev),
};
#define ERROR(name) {#name, name}
static const struct name errors[] = {
    ERROR(EACCES), ERROR(EAGAIN), ERROR(EBADF), ERROR(EBUSY), ERROR(EFAULT), ERROR(EINTR), ERROR(EINVAL), ERROR(EIO),
    ERROR(EMFILE), ERROR(ENFILE), ERROR(ENODEV), ERROR(ENOMEM), ERROR(ENOSPC), ERROR(ENOSYS), ERROR(EOPNOTSUPP), ERROR(EPERM),
    ERROR(ESRCH),
};

static int number_of(const struct name *names, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i].name, name) == 0) return names[i].number;
    fprintf(stderr, "refuse: %s is unknown here\n", name);
    exit(125);
}
#define NUMBER(names, name) number_of(names, sizeof names / sizeof *names, name)

static struct stat library;

static void stop(const char *what) {
    fprintf(stderr, "refuse: %s: %s\n", what, strerror(errno));
    _exit(125);
}

// Whether an address lies in the library's code, which is where it was in every child of a fork.
static int is_from_library(unsigned process, unsigned long address) {
    static unsigned long start, end;
    if (!end) {
        char path[64], line[4096];
        snprintf(path, sizeof path, "/proc/%u/maps", process);
        FILE *maps = fopen(path, "re");
        // The first: the loader maps the whole object so, and then the rest of it over that.
        while (maps && !end && fgets(line, sizeof line, maps)) {
            unsigned long from, to, inode;
            char rights[8];
            if (sscanf(line, "%lx-%lx %7s %*s %*s %lu", &from, &to, rights, &inode) == 4 && rights[2] == 'x' && inode == library.st_ino)
                start = from, end = to;
        }
        if (maps) fclose(maps);
    }
    return start <= address && address < end;
}

static void filter(int call, volatile int *listener) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    // Two may race for the one thread that answers; the second flag keeps a call from being asked about twice.
    unsigned flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) stop("prctl");
    int made = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
    if (made < 0) stop("seccomp");
    *listener = made;
}

int main(int count, char **words) {
    if (count < 6) {
        fprintf(stderr, "usage: refuse LIBRARY CALL ERRNO first|third|later|always PROGRAM ARGUMENT...\n");
        return 125;
    }
    int call = NUMBER(calls, words[2]), error = NUMBER(errors, words[3]), from_anywhere = call == SYS_clone3;
    char text[16];
    snprintf(text, sizeof text, "%d", error);
    setenv("FAULT_ERRNO", text, 1);
    long seen = 0, refused = 0;
    if (stat(words[1], &library) != 0) stop(words[1]);
    volatile int *listener = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (listener == MAP_FAILED) stop("mmap");
    *listener = -1;
    // The child makes the listener in a descriptor table that is this process's too, until it becomes the program.
    pid_t child = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, 0);
    if (child < 0) stop("clone");
    if (child == 0) {
        filter(call, listener);
        execvp(words[5], words + 5);
        stop(words[5]);
    }
    while (*listener < 0) {
        if (waitpid(child, NULL, WNOHANG) == child) return 125;
        sched_yield();
    }
    struct pollfd event = {*listener, POLLIN, 0};
    int status = 0, is_over = 0;
    while (!is_over) {
        if (poll(&event, 1, 50) <= 0) {
            is_over = waitpid(child, &status, WNOHANG) == child;
            continue;
        }
        struct seccomp_notif notice;
        struct seccomp_notif_resp answer;
        memset(&notice, 0, sizeof notice);
        if (ioctl(*listener, SECCOMP_IOCTL_NOTIF_RECV, &notice) != 0) {
            is_over = waitpid(child, &status, WNOHANG) == child;
            continue;
        }
        memset(&answer, 0, sizeof answer);
        answer.id = notice.id;
        answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        int sleeps = call != SYS_futex || (notice.data.args[1] & 0x7f) == 0 || (notice.data.args[1] & 0x7f) == 9;
        if (!sleeps) {
        } else if (from_anywhere || is_from_library(notice.pid, notice.data.instruction_pointer)) {
            seen++;
            const char *when = words[4];
            if (*when == 'a' || (*when == 'f' ? seen == 1 : *when == 'l' ? seen >= 20 : seen % 3 == 0)) {
                answer.flags = 0;
                answer.error = -error;
                refused++;
            }
        }
        ioctl(*listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
    }
    const char *path = getenv("REFUSE_COUNT");
    FILE *file = path ? fopen(path, "we") : NULL;
    if (file) {
        fprintf(file, "%ld %ld\n", refused, seen);
        fclose(file);
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
