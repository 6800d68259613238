// holds: What is in flight when the program closes all that it has not opened, by a system call of its own, ends as if nothing had happened, and notifies though nobody looks.
// source: kaio
// limit: 60
#include "../check.h"
#include <sys/socket.h>

enum { pairs = 200, size = 4096 };
static int sockets[pairs][2];
static char bytes[pairs];
static struct aiocb reads[pairs];

int main(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
    // More than the ring takes polls: the reactor watches some. All are below 700.
    for (int i = 0; i < pairs; i++) {
        OK(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets[i]));
        reads[i] = request(sockets[i][0], &bytes[i], 1, 0);
        reads[i].aio_sigevent =
            (struct sigevent){.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value.sival_int = i};
        OK(aio_read(&reads[i]));
    }
    for (int round = 0; round < 2; round++) {
        // The library's threads sleep by then.
        sleep_for(0.3);
        EQUAL(syscall(SYS_close_range, 700, ~0u, 0), 0);
        struct timespec limit = {20, 0};
        for (int i = round; i < pairs; i += 2) EQUAL(write(sockets[i][1], "x", 1), 1);
        char seen[pairs] = "";
        for (int i = round; i < pairs; i += 2) {
            siginfo_t info;
            EQUAL(sigtimedwait(&set, &info, &limit), SIGRTMIN);
            int which = info.si_value.sival_int;
            EQUAL(which % 2, round);
            EQUAL(seen[which]++, 0);
            EQUAL(aio_error(&reads[which]), 0);
            EQUAL(aio_return(&reads[which]), 1);
        }
    }
    struct timespec none = {0, 0};
    EQUAL(sigtimedwait(&set, NULL, &none), -1);
    check_service();
}
