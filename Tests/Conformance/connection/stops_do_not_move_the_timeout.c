// holds: A timeout of kaio_aio_suspend ends when it is up, however often the process is stopped and continued, also where the library has no thread.
// source: kaio (extension)
// modes: linked
#include "../connection.h"

enum { timeout = 400 * 1000 * 1000 };

int main(void) {
    int ready[2], status;
    char byte;
    open_pipe(ready);
    pid_t child = fork();
    if (child == 0) {
        struct waiting waiting;
        begin_waiting(&waiting);
        EQUAL(count_threads(), 1);
        EQUAL(write(ready[1], "r", 1), 1);
        struct timespec limit = interval(timeout);
        int64_t start = nanoseconds();
        FAILS(kaio_aio_suspend(waiting.connection, waiting.list, 1, &limit), EAGAIN);
        CHECK(nanoseconds() - start >= timeout);
        EQUAL(count_threads(), 1);
        _exit(0);
    }
    EQUAL(read(ready[0], &byte, 1), 1);
    for (double end = now() + 15;;) {
        sleep_for(0.05);
        OK(kill(child, SIGSTOP));
        EQUAL(waitpid(child, &status, WUNTRACED), child);
        if (!WIFSTOPPED(status)) break;
        OK(kill(child, SIGCONT));
        if (now() < end) continue;
        kill(child, SIGKILL);
        failed(__FILE__, __LINE__, "the wait goes on");
    }
    EQUAL(status, 0);
    return 0;
}
