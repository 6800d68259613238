// holds: Every request notifies exactly once, also one that fails or is cancelled, with nobody waiting for it.
// source: aio.h
#include "../check.h"

static sigset_t set;

// The next signal must be the one of this value, and the request must be over.
static void expect(struct aiocb *control, int value, int error) {
    siginfo_t info;
    const struct timespec limit = {10, 0};
    EQUAL(sigtimedwait(&set, &info, &limit), SIGRTMIN);
    EQUAL(info.si_code, SI_ASYNCIO);
    EQUAL(info.si_value.sival_int, value);
    EQUAL(aio_error(control), error);
}

static struct aiocb signalling(int descriptor, void *buffer, size_t size, int value) {
    struct aiocb control = request(descriptor, buffer, size, 0);
    control.aio_sigevent.sigev_notify = SIGEV_SIGNAL;
    control.aio_sigevent.sigev_signo = SIGRTMIN;
    control.aio_sigevent.sigev_value.sival_int = value;
    return control;
}

int main(void) {
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    enum { size = 1 << 18 };
    int buffered = scratch_file(0), direct = scratch_file(O_DIRECT), ends[2];
    open_pipe(ends);
    char *block = aligned_buffer(size);

    struct aiocb control = signalling(buffered, block, size, 1);
    OK(aio_write(&control));
    expect(&control, 1, 0);
    control = signalling(buffered, block, 512, 2);
    OK(aio_read(&control));
    expect(&control, 2, 0);
    control = signalling(direct, block, size, 3);
    OK(aio_write(&control));
    expect(&control, 3, 0);
    control = signalling(direct, block, size, 4);
    OK(aio_read(&control));
    expect(&control, 4, 0);
    control = signalling(buffered, NULL, 0, 5);
    OK(aio_fsync(O_SYNC, &control));
    expect(&control, 5, 0);
    control = signalling(buffered, NULL, 0, 6);
    OK(aio_fsync(O_DSYNC, &control));
    expect(&control, 6, 0);
    control = signalling(ends[1], block, 16, 7);
    OK(aio_write(&control));
    expect(&control, 7, 0);
    control = signalling(ends[0], block, 16, 8);
    OK(aio_read(&control));
    expect(&control, 8, 0);
    control = signalling(-1, block, 16, 9);
    OK(aio_read(&control));
    expect(&control, 9, EBADF);
    control = signalling(direct, (void *)-4096, 4096, 10);
    OK(aio_read(&control));
    expect(&control, 10, EFAULT);

    // Two reads on an empty pipe: the second can always be cancelled.
    struct aiocb first = signalling(ends[0], block, 1, 11);
    control = signalling(ends[0], block + 1, 1, 12);
    OK(aio_read(&first));
    OK(aio_read(&control));
    EQUAL(aio_cancel(ends[0], &control), AIO_CANCELED);
    expect(&control, 12, ECANCELED);
    EQUAL(write(ends[1], "x", 1), 1);
    expect(&first, 11, 0);

    const struct timespec soon = {0, 300000000};
    FAILS(sigtimedwait(&set, NULL, &soon), EAGAIN);
}
