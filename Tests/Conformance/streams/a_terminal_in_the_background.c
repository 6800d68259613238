// holds: A process in the background of its terminal gets EIO for a read, as from a plain read of a thread that blocks SIGTTIN, and at once, though there is no input; a write goes out. In the foreground both are served.
// source: kaio
#include "streams.h"
#include <sys/ioctl.h>

// The process group of `group` gets the terminal; the caller blocks SIGTTOU.
static void give_terminal(int terminal, pid_t group) { OK(tcsetpgrp(terminal, group)); }

static void check_stream(void) {
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    sigset_t output;
    sigemptyset(&output);
    sigaddset(&output, SIGTTOU);
    OK(pthread_sigmask(SIG_BLOCK, &output, NULL));
    pid_t leader = fork();
    if (leader == 0) {
        CHECK(setsid() > 0);
        int terminal = open(ptsname(master), O_RDWR | O_CLOEXEC);
        CHECK(terminal >= 0);
        OK(ioctl(terminal, TIOCSCTTY, 0));
        int ready[2];
        open_pipe(ready);
        pid_t other = fork();
        if (other == 0) {
            char block[16], byte;
            OK(setpgid(0, 0));
            EQUAL(tcgetpgrp(terminal), getppid());
            struct aiocb input = request(terminal, block, sizeof block, 0), out = request(terminal, "out\n", 4, 0);
            OK(aio_read(&input));
            FINISHES_WITH(&input, EIO);
            OK(aio_write(&out));
            EQUAL(FINISH(&out), 4);
            give_terminal(terminal, getpid());
            OK(aio_read(&input));
            EQUAL(wait_for(&input, 0.1), EINPROGRESS);
            EQUAL(write(ready[1], "r", 1), 1);
            EQUAL(FINISH(&input), 5);
            (void)byte;
            exit(0);
        }
        char byte;
        EQUAL(read(ready[0], &byte, 1), 1);
        EQUAL(write(master, "line\n", 5), 5);
        EXITS(other);
        exit(0);
    }
    EXITS(leader);
}
