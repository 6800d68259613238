// holds: exec with requests in flight goes through; the new program gets none of their notifications, and the data is its own.
// source: exec
#include "../check.h"

// The program runs itself: the arguments are the pipe's ends and the end to say "ready" on.
static int as_new_program(int input, int ready) {
    char byte = 0;
    EQUAL(write(ready, "r", 1), 1);
    // Any of the signals would kill, as exec has reset their actions.
    sleep_for(0.2);
    EQUAL(read(input, &byte, 1), 1);
    EQUAL(byte, 'x');
    struct aiocb control = request(input, &byte, 1, 0);
    OK(aio_read(&control));
    EQUAL(FINISH(&control), 1);
    EQUAL(byte, 'y');
    return 0;
}

int main(int count, char **arguments) {
    if (count == 3) return as_new_program(atoi(arguments[1]), atoi(arguments[2]));
    int ends[2], ready[2];
    OK(pipe(ends));
    OK(pipe(ready));
    pid_t child = fork();
    if (child == 0) {
        static char bytes[4];
        static struct aiocb controls[4];
        for (int i = 0; i < 4; i++) {
            controls[i] = request(ends[0], &bytes[i], 1, 0);
            controls[i].aio_sigevent.sigev_notify = SIGEV_SIGNAL;
            controls[i].aio_sigevent.sigev_signo = SIGUSR1;
            OK(aio_read(&controls[i]));
        }
        char input[16], output[16];
        snprintf(input, sizeof input, "%d", ends[0]);
        snprintf(output, sizeof output, "%d", ready[1]);
        execl("/proc/self/exe", "again", input, output, (char *)NULL);
        _exit(127);
    }
    char byte;
    close(ready[1]);
    EQUAL(read(ready[0], &byte, 1), 1);
    EQUAL(write(ends[1], "xy", 2), 2);
    EXITS(child);
    return 0;
}
