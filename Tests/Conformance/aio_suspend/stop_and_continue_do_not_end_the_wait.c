// holds: A process that is stopped and continued in aio_suspend goes on waiting: only a signal that is caught gives EINTR.
// source: aio_suspend
#include "../check.h"

int main(void) {
    int ends[2], ready[2];
    OK(pipe(ends));
    OK(pipe(ready));
    for (int timed = 0; timed < 2; timed++) {
        pid_t child = fork();
        if (child == 0) {
            char byte;
            struct aiocb control = request(ends[0], &byte, 1, 0);
            const struct aiocb *list[1] = {&control};
            struct timespec minute = {60, 0};
            alarm(15);
            OK(aio_read(&control));
            EQUAL(write(ready[1], "r", 1), 1);
            OK(aio_suspend(list, 1, timed ? &minute : NULL));
            EQUAL(aio_return(&control), 1);
            EQUAL(byte, 'x');
            _exit(0);
        }
        char byte;
        int status;
        EQUAL(read(ready[0], &byte, 1), 1);
        for (int i = 0; i < 5; i++) {
            sleep_for(0.02);
            OK(kill(child, SIGSTOP));
            EQUAL(waitpid(child, &status, WUNTRACED), child);
            CHECK(WIFSTOPPED(status));
            OK(kill(child, SIGCONT));
        }
        EQUAL(write(ends[1], "x", 1), 1);
        EXITS(child);
    }
    return 0;
}
