// holds: A list that does not fit below KAIO_MAX_REQUESTS fails with EAGAIN, and none of it is queued.
// source: lio_listio
// environment: KAIO_MAX_REQUESTS=64
#include "../check.h"

int main(void) {
    int file = scratch_file(0);
    static struct aiocb controls[100], *list[100];
    sigset_t set;
    struct timespec short_ = {0, 100000000};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
    for (int mode = 0; mode < 2; mode++) {
        for (int i = 0; i < 100; i++) {
            controls[i] = request(file, "x", 1, i);
            controls[i].aio_lio_opcode = LIO_WRITE;
            list[i] = &controls[i];
        }
        FAILS(lio_listio(mode ? LIO_WAIT : LIO_NOWAIT, list, 100, &event), EAGAIN);
        FAILS(sigtimedwait(&set, NULL, &short_), EAGAIN);
        EQUAL(lseek(file, 0, SEEK_END), 0);
        for (int i = 0; i < 100; i++) {
            errno = 0;
            int error = aio_error(&controls[i]);
            if (error == -1) error = errno;
            CHECK(error == EINVAL || error == EAGAIN);
        }
        EQUAL(aio_cancel(file, NULL), AIO_ALLDONE);
    }
    // One that fits goes through.
    OK(lio_listio(LIO_WAIT, list, 50, NULL));
    EQUAL(lseek(file, 0, SEEK_END), 50);
    return 0;
}
