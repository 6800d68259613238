// holds: A program that is started by exec finds no descriptor open that AIO opened in the one before.
// source: kaio (extension)
#include "../check.h"

int main(void) {
    int before[256], file = scratch_file(0), ends[2];
    char byte;
    for (int i = 0; i < 256; i++) before[i] = fcntl(i, F_GETFD) >= 0;
    struct aiocb control = request(file, "data", 4, 0), waiting;
    control.aio_sigevent.sigev_notify = SIGEV_SIGNAL;
    control.aio_sigevent.sigev_signo = SIGCHLD;
    OK(aio_write(&control));
    EQUAL(FINISH(&control), 4);
    OK(pipe2(ends, O_CLOEXEC));
    waiting = request(ends[0], &byte, 1, 0);
    OK(aio_read(&waiting));
    for (int i = 0; i < 256; i++) {
        int flags = fcntl(i, F_GETFD);
        if (flags >= 0 && !before[i] && !(flags & FD_CLOEXEC))
            failed(__FILE__, __LINE__, "descriptor %d would be open in the next program", i);
    }
    return 0;
}
