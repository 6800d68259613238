// holds: Where one system call of the first use fails once, that use works or fails with EAGAIN, each notification comes once, the message names the call that failed, and two seconds later all is as it is without a failure.
// source: kaio (extension)
// environment: KAIO_VERBOSE=1
// limit: 120
#include "../syscalls.h"

static const struct {
    int call;
    const char *name;
} calls[] = {
    {SYS_eventfd2, "eventfd2"}, {SYS_epoll_create1, "epoll_create1"}, {SYS_timerfd_create, "timerfd_create"},
    {SYS_epoll_ctl, "epoll_ctl"}, {SYS_io_setup, "io_setup"}, {SYS_mremap, "mremap"}, {SYS_io_submit, "io_submit"},
    {SYS_io_pgetevents, "io_pgetevents"}, {SYS_clone3, "clone"}, {SYS_mmap, "mmap"}, {SYS_madvise, "madvise"},
    {SYS_timerfd_settime, "timerfd_settime"}, {SYS_fcntl, "fcntl"},
};

enum { size = 4096, at_once = 12, times = 4 };

static int error, remaining, seen;

static int fail_one(const struct seccomp_data *call, pid_t thread) {
    (void)call, (void)thread;
    // Of fcntl only what makes descriptors: F_DUPFD_CLOEXEC.
    if (call->nr == SYS_fcntl && call->args[1] != 1030) return 0;
    if (call->nr == SYS_io_submit && !seen) seen = 1;
    return --remaining == 0 ? error : 0;
}

static int file, ends[2];
static unsigned char *buffer;
static sigset_t set;

// A read of a pipe and a write past the cache, each with a signal. Nobody looks.
static int use(int number) {
    int taken = 0;
    char byte;
    struct timespec limit = {20, 0}, soon = {0, 20000000};
    struct aiocb reading = request(ends[0], &byte, 1, 0), writing = request(file, buffer, size, number * size);
    struct aiocb *controls[2] = {&reading, &writing};
    fill(buffer, size, 1, (uint64_t)number * size);
    for (int i = 0; i < 2; i++) {
        controls[i]->aio_sigevent = (struct sigevent){.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
        if ((i == 0 ? aio_read : aio_write)(controls[i]) != 0) {
            EQUAL(errno, EAGAIN);
            controls[i] = NULL;
            continue;
        }
        taken++;
        if (i == 0) EQUAL(write(ends[1], "x", 1), 1);
    }
    for (int i = 0; i < taken; i++) EQUAL(sigtimedwait(&set, NULL, &limit), SIGRTMIN);
    EQUAL(sigtimedwait(&set, NULL, &soon), -1);
    if (controls[0]) EQUAL(FINISH(&reading), 1);
    if (controls[1]) {
        unsigned char *back = aligned_buffer(size);
        EQUAL(FINISH(&writing), size);
        EQUAL(pread(file, back, size, number * size), size);
        VERIFY(back, size, 1, (uint64_t)number * size);
    }
    return taken;
}

static void child(int which, int when) {
    alarm(60);
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
    file = open("data", O_RDWR | O_CREAT | O_DIRECT, 0600);
    CHECK(file >= 0);
    OK(ftruncate(file, 8 * size));
    OK(pipe(ends));
    buffer = aligned_buffer(size);
    write_pattern(file, 4 * size, 9, 0);
    remaining = when;
    watch_calls(fail_one, &calls[which].call, 1);
    use(0);
    sleep_for(1.2);
    remaining = 0;
    // The first one may find the second up, and asks anew.
    use(1);
    sleep_for(0.05);
    if (use(2) != 2) failed(__FILE__, __LINE__, "%s, failure %d of it: not both are taken", calls[which].name, when);
    EQUAL(count_contexts(), 1);
    EQUAL(count_threads_named("kaio-reactor"), 1);
    _exit(0);
}

static void start(int which, int when, int errors[2]) {
    char name[64];
    snprintf(name, sizeof name, "%d.%d", which, when);
    OK(mkdir(name, 0700));
    OK(chdir(name));
    dup2(errors[1], STDERR_FILENO);
    child(which, when);
}

int main(void) {
    static const int kinds[] = {EAGAIN, ENOMEM};
    int total = (int)(sizeof calls / sizeof *calls) * times * 2, running = 0, wrong = 0;
    static struct { pid_t process; int which, when, error, output; } jobs[1000];
    for (int next = 0, done = 0; done < total;) {
        if (next < total && running < at_once) {
            int errors[2];
            OK(pipe2(errors, O_CLOEXEC));
            error = kinds[next % 2];
            jobs[next].which = next / 2 / times, jobs[next].when = next / 2 % times + 1, jobs[next].error = error;
            jobs[next].output = errors[0];
            char directory[32];
            snprintf(directory, sizeof directory, "%d", error);
            mkdir(directory, 0700);
            if ((jobs[next].process = fork()) == 0) {
                OK(chdir(directory));
                start(jobs[next].which, jobs[next].when, errors);
            }
            close(errors[1]);
            next++, running++;
            continue;
        }
        int status;
        pid_t process = wait(&status);
        for (int i = 0; i < next; i++) {
            if (jobs[i].process != process) continue;
            char text[4096] = "";
            for (size_t length = 0; length < sizeof text - 1;) {
                ssize_t count = read(jobs[i].output, text + length, sizeof text - 1 - length);
                if (count <= 0) break;
                length += (size_t)count;
            }
            close(jobs[i].output);
            if (status && ++wrong)
                fprintf(stderr, "%s fails with %s, the %d. time: status %#x; %s", calls[jobs[i].which].name, strerror(jobs[i].error), jobs[i].when, status, text);
            char *why = strstr(text, "can't be used (");
            if (why && strncmp(why + 15, calls[jobs[i].which].name, strlen(calls[jobs[i].which].name)) != 0 && ++wrong)
                fprintf(stderr, "%s failed: %s", calls[jobs[i].which].name, text);
        }
        running--, done++;
    }
    EQUAL(wrong, 0);
    return 0;
}
