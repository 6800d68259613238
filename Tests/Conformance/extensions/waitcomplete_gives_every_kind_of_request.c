// holds: aio_waitcomplete gives requests of every kind, those that notify and members of lists too, and -1 with its error for what failed.
// source: kaio
// modes: linked
#include "../check.h"
#include "../../../include/kaio.h"
#include <sys/eventfd.h>

enum { kinds = 14, size = 4096 };

static atomic_int called, caught;
static void handler(int number) { caught += number == SIGUSR1; }
static void function(union sigval value) { called += value.sival_int; }

static struct aiocb controls[kinds];
static unsigned char *bytes[kinds];
static long expected[kinds];
static int seen[kinds], made;

// The next request, with what is to come of it: a count of bytes, or a negated errno.
static struct aiocb *make(int descriptor, size_t length, off_t offset, long outcome) {
    expected[made] = outcome;
    controls[made] = request(descriptor, bytes[made], length, offset);
    return &controls[made++];
}

int main(void) {
    int buffered = scratch_file(0), direct = scratch_file(O_DIRECT), ends[2], event = eventfd(0, EFD_CLOEXEC);
    open_pipe(ends);
    struct sigaction action = {.sa_handler = handler};
    OK(sigaction(SIGUSR1, &action, NULL));
    write_pattern(direct, size, 1, 0);
    for (int i = 0; i < kinds; i++) bytes[i] = aligned_buffer(size);
    struct iovec vector = {bytes[9], size};

    OK(aio_write(make(buffered, size, 0, size)));
    OK(aio_read(make(direct, size, 0, size)));
    OK(aio_fsync(O_SYNC, make(buffered, 0, 0, 0)));
    OK(aio_read(make(-1, size, 0, -EBADF)));
    OK(aio_read(make(buffered, size, -1, -EINVAL)));
    struct aiocb *control = make(direct, size, 0, size);
    control->aio_sigevent.sigev_notify = SIGEV_SIGNAL;
    control->aio_sigevent.sigev_signo = SIGUSR1;
    OK(aio_read(control));
    control = make(direct, size, 0, size);
    control->aio_sigevent.sigev_notify = SIGEV_THREAD;
    control->aio_sigevent.sigev_notify_function = function;
    control->aio_sigevent.sigev_value.sival_int = 1;
    OK(aio_read(control));
    control = make(direct, size, 0, size);
    control->aio_sigevent.sigev_notify = KAIO_SIGEV_EVENTFD;
    control->aio_sigevent.sigev_value.sival_int = event;
    OK(aio_read(control));
    control = make(ends[0], size, 0, -ECANCELED);
    OK(aio_read(control));
    EQUAL(aio_cancel(ends[0], control), AIO_CANCELED);
    control = make(direct, 1, 0, size);
    control->aio_iov = &vector;
    OK(aio_readv(control));
    struct aiocb *list[4];
    list[0] = make(direct, size, 0, size);
    list[1] = make(buffered, size, 0, size);
    list[2] = make(ends[1], size, 0, -EBADF);
    list[3] = make(direct, 0, size, 0);
    for (int i = 0; i < 4; i++) list[i]->aio_lio_opcode = LIO_READ;
    OK(lio_listio(LIO_NOWAIT, list, 4, NULL));
    EQUAL(made, kinds);

    for (int i = 0; i < kinds; i++) {
        struct aiocb *done = NULL;
        ssize_t result;
        int error;
        // The signal may end a wait.
        do {
            result = aio_waitcomplete(&done, NULL);
            error = errno;
        } while (!done && error == EINTR);
        if (!done) failed(__FILE__, __LINE__, "only %d of %d were given: errno %d", i, kinds, error);
        long index = done - controls, got = result < 0 ? -error : result;
        if (result < -1 || got != expected[index])
            failed(__FILE__, __LINE__, "request %ld: %ld, expected %ld", index, got, expected[index]);
        EQUAL(seen[index]++, 0);
    }
    // The notifications came all the same.
    for (double end = now() + 10; (called == 0 || caught == 0) && now() < end;) sleep_for(0.001);
    EQUAL(called, 1);
    EQUAL(caught, 1);
    uint64_t value;
    EQUAL(read(event, &value, sizeof value), sizeof value);
    return 0;
}
