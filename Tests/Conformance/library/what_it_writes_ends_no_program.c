// holds: What the library writes ends no program: no SIGPIPE where nobody reads stderr, no SIGXFSZ at the limit of file size.
// source: kaio
#include "../check.h"
#include <signal.h>
#include <sys/resource.h>

static void nobody_reads(void) {
    int ends[2];
    if (pipe(ends) != 0 || dup2(ends[1], STDERR_FILENO) < 0) _exit(99);
    close(ends[0]);
    close(ends[1]);
    signal(SIGPIPE, SIG_DFL);
}

static void no_file_may_grow(void) {
    struct rlimit limit = {0, 0};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(99);
    signal(SIGXFSZ, SIG_DFL);
}

static void check(const char *const environment[], void (*prepare)(void)) {
    struct child child;
    run_again(&child, "work", environment, prepare);
    if (!WIFEXITED(child.status) || WEXITSTATUS(child.status) != 3)
        failed(__FILE__, __LINE__, "with %s the child ended with status %#x", environment[0], (unsigned)child.status);
}

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1) {
        char data[16];
        int file = open("/proc/self/exe", O_RDONLY);
        struct aiocb control = request(file, data, sizeof data, 0);
        OK(aio_read(&control));
        EQUAL(FINISH(&control), (ssize_t)sizeof data);
        sigset_t pending;
        OK(sigpending(&pending));
        CHECK(!sigismember(&pending, SIGPIPE) && !sigismember(&pending, SIGXFSZ));
        return 3;
    }
    check((const char *[]){"KAIO_VERBOSE=1", NULL}, nobody_reads);
    check((const char *[]){"KAIO_SHOW_STATS=1", NULL}, nobody_reads);
    check((const char *[]){"KAIO_STATS_FILE=/proc/nowhere/stats", NULL}, nobody_reads);
    check((const char *[]){"KAIO_VFS_OBJECTS=stats aio_linux aio_poll aio_pthread", NULL}, nobody_reads);
    check((const char *[]){"KAIO_STATS_FILE=stats", NULL}, no_file_may_grow);
    check((const char *[]){"KAIO_LIVE_DIR=.", NULL}, no_file_may_grow);
    const char *module[] = {
        "KAIO_VFS_PARAMETERS=stats:file = latencies", "KAIO_VFS_OBJECTS=stats aio_linux aio_poll aio_pthread", NULL};
    check(module, no_file_may_grow);
    return 0;
}
