// holds: exit, _exit and return from main do not wait for a read on an idle pipe, nor for anything else that may never come.
// source: _exit
#include "../check.h"
#include <sys/socket.h>

int main(void) {
    int ends[2], pair[2];
    OK(pipe(ends));
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    for (int way = 0; way < 3; way++)
        for (int count = 1; count <= 100; count += 99) {
            pid_t child = fork();
            if (child == 0) {
                alarm(10);
                static struct aiocb controls[200];
                static char bytes[200];
                for (int i = 0; i < 2 * count; i++) {
                    controls[i] = request(i % 2 ? ends[0] : pair[0], &bytes[i], 1, 0);
                    controls[i].aio_sigevent.sigev_notify = i % 3 ? SIGEV_NONE : SIGEV_SIGNAL;
                    controls[i].aio_sigevent.sigev_signo = i % 3 ? 0 : SIGUSR1;
                    OK(aio_read(&controls[i]));
                }
                if (way == 0) exit(0);
                if (way == 1) _exit(0);
                return 0;
            }
            EXITS(child);
        }
    return 0;
}
