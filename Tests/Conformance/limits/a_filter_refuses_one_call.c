// holds: Where a filter (seccomp) refuses one system call, with ENOSYS or EPERM, from the start or from some moment on, requests are done by another way or refused by the call or their status; none is lost, nor its notification.
// source: kaio (extension)
// limit: 90
#include "../refuse.h"

#define NAME(name) {#name, SYS_##name}
static const struct {
    const char *name;
    int number;
} calls[] = {
    NAME(preadv2), NAME(pwritev2), NAME(madvise), NAME(statx), NAME(fstat), NAME(gettid), NAME(getpid), NAME(io_pgetevents),
    NAME(io_submit), NAME(io_setup), NAME(io_destroy), NAME(mremap), NAME(eventfd2), NAME(epoll_create1), NAME(epoll_ctl),
    NAME(epoll_pwait), NAME(timerfd_create), NAME(timerfd_settime), NAME(fcntl), NAME(prctl), NAME(prlimit64), NAME(lseek),
    NAME(ioctl), NAME(getrandom), NAME(rt_sigpending), NAME(rt_sigtimedwait), NAME(rt_sigqueueinfo), NAME(sched_yield),
    NAME(sched_getscheduler), NAME(sched_setscheduler), NAME(readlinkat), NAME(tgkill), NAME(openat), NAME(pread64),
    NAME(pwrite64), NAME(readv), NAME(writev), NAME(preadv), NAME(pwritev), NAME(fsync), NAME(fdatasync), NAME(ppoll),
    NAME(recvmsg), NAME(sendmsg), NAME(getsockopt), NAME(clone3), NAME(getuid), NAME(mprotect), NAME(munmap), NAME(set_robust_list),
};

enum { size = 4096, large = 49 * size, at_once = 8 };

static atomic_int signals;
static void handler(int number) { (void)number, signals++; }

static int files[2], ends[2];
static const char *refused;
static unsigned char *buffer;

static void use(int error) {
    for (int i = 0; i < 16; i++) {
        size_t length = i % 8 == 6 ? 1 : i % 8 == 3 ? large : size;
        struct aiocb control = request(i % 8 == 6 ? ends[0] : files[i & 1], buffer, length, 0);
        if (i & 4) control.aio_sigevent = (struct sigevent){.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
        int before = signals, is_write = i % 8 == 2 || i % 8 == 5;
        if (is_write) fill(buffer, size, 1, 0);
        int result = i % 8 == 7 ? aio_fsync(O_SYNC, &control) : is_write ? aio_write(&control) : aio_read(&control);
        if (result != 0) {
            CHECK(errno == EAGAIN || errno == error);
            continue;
        }
        if (i % 8 == 6) EQUAL(write(ends[1], "x", 1), 1);
        int status = wait_for(&control, 20);
        if (status && status != error && status != EAGAIN)
            failed(__FILE__, __LINE__, "%s is refused: request %d has status %d, expected 0, %d or EAGAIN", refused, i, status, error);
        EQUAL(aio_return(&control), status ? -1 : i % 8 == 7 ? 0 : (ssize_t)length);
        if (!status && !(i & 4) && i % 8 < 2) VERIFY(buffer, length, 1, 0);
        if (i & 4) {
            for (double end = now() + 20 * times_slower(); signals == before && now() < end;) sleep_for(0.001);
            EQUAL(signals, before + 1);
        }
        // What a refused read left.
        char byte;
        if (i % 8 == 6 && status) EQUAL(read(ends[0], &byte, 1), 1);
    }
}

static void child(int call, int error, int is_later) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    refused = "nothing";
    alarm((unsigned)(60 * times_slower()));
    OK(sigaction(SIGRTMIN, &action, NULL));
    OK(pipe(ends));
    for (int i = 0; i < 2; i++) {
        files[i] = scratch_file(i ? O_DIRECT : 0);
        write_pattern(files[i], 64 * size, 1, 0);
    }
    buffer = aligned_buffer(64 * size);
    if (is_later) use(0);
    refuse(&call, 1, error);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (calls[i].number == call) refused = calls[i].name;
    use(error);
    _exit(0);
}

int main(void) {
    enum { kinds = sizeof calls / sizeof *calls, total = kinds * 4 };
    static pid_t children[total];
    char wrong[4096] = "";
    for (int next = 0, done = 0; done < total;) {
        if (next < total && next - done < at_once) {
            if ((children[next] = fork()) == 0) child(calls[next / 4].number, next & 1 ? ENOSYS : EPERM, next & 2);
            next++;
            continue;
        }
        int status;
        pid_t process = wait(&status);
        for (int i = 0; i < next; i++)
            if (children[i] == process && status)
                snprintf(wrong + strlen(wrong), sizeof wrong - strlen(wrong), "%s refused with %s %s: status %#x; ",
                         calls[i / 4].name, i & 1 ? "ENOSYS" : "EPERM", i & 2 ? "later" : "at once", status);
        done++;
    }
    if (*wrong) failed(__FILE__, __LINE__, "%s", wrong);
    return 0;
}
