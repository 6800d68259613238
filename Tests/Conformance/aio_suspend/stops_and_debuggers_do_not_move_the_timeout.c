// holds: A timeout ends when it is up, however often the process is stopped and continued, or a debugger comes, meanwhile; so do those of aio_waitcomplete and aio_waitn.
// source: aio_suspend
// limit: 60
#include "../check.h"
#include <sys/ptrace.h>

ssize_t aio_waitcomplete(struct aiocb **control, struct timespec *timeout) __attribute__((weak));
int aio_waitn(struct aiocb *list[], unsigned count, unsigned *wanted, const struct timespec *timeout) __attribute__((weak));

enum { timeout = 400 * 1000 * 1000 };

static void wait_in_each_way(int ready) {
    int ends[2];
    char byte;
    open_pipe(ends);
    struct aiocb control = request(ends[0], &byte, 1, 0), *one;
    const struct aiocb *list[1] = {&control};
    unsigned wanted = 1;
    OK(aio_read(&control));
    EQUAL(write(ready, "r", 1), 1);
    for (int way = 0; way < 3; way++) {
        if (way > 0 && !aio_waitcomplete) break;
        struct timespec limit = interval(timeout);
        int64_t start = nanoseconds();
        switch (way) {
        case 0: FAILS(aio_suspend(list, 1, &limit), EAGAIN); break;
        case 1: FAILS(aio_waitcomplete(&one, &limit), EAGAIN); break;
        case 2: FAILS(aio_waitn(&one, 1, &wanted, &limit), ETIME); break;
        }
        CHECK(nanoseconds() - start >= timeout);
        EQUAL(aio_error(&control), EINPROGRESS);
    }
    _exit(0);
}

// Interrupts the wait again and again, with far less between than it lasts.
static void disturb(pid_t process, int by_debugger) {
    int status;
    double end = now() + 15;
    if (by_debugger) OK(ptrace(PTRACE_SEIZE, process, NULL, PTRACE_O_EXITKILL));
    for (;;) {
        sleep_for(0.05);
        // It may have ended; then that is what is waited for.
        if (by_debugger) ptrace(PTRACE_INTERRUPT, process, NULL, NULL);
        else OK(kill(process, SIGSTOP));
        EQUAL(waitpid(process, &status, WUNTRACED), process);
        if (!WIFSTOPPED(status)) break;
        if (now() > end) {
            kill(process, SIGKILL);
            failed(__FILE__, __LINE__, "%s: the waits go on", by_debugger ? "a debugger" : "SIGSTOP and SIGCONT");
        }
        if (by_debugger) OK(ptrace(PTRACE_CONT, process, NULL, NULL));
        else OK(kill(process, SIGCONT));
    }
    EQUAL(status, 0);
}

int main(void) {
    int ready[2];
    char byte;
    open_pipe(ready);
    for (int by_debugger = 0; by_debugger < 2; by_debugger++) {
        pid_t child = fork();
        if (child == 0) wait_in_each_way(ready[1]);
        CHECK(child > 0);
        EQUAL(read(ready[0], &byte, 1), 1);
        disturb(child, by_debugger);
    }
    return 0;
}
