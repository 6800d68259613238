// holds: KAIO_SIGEV_EVENTFD: a request that fails or is cancelled signals the eventfd too, wherever it failed.
// source: kaio
#include "../check.h"
#include "../../../include/kaio.h"
#include <poll.h>
#include <sys/eventfd.h>

int main(void) {
    int descriptor = scratch_file(0), direct = scratch_file(O_DIRECT), ends[2], event = eventfd(0, EFD_CLOEXEC);
    unsigned char *block = aligned_buffer(4096);
    open_pipe(ends);
    write_pattern(descriptor, 4096, 1, 0);
    write_pattern(direct, 4096, 1, 0);
    // A buffer that is not mapped, and one that no program can have.
    void *unmapped = (void *)4096, *wild = (void *)-4096;
    struct {
        const char *name;
        int write, descriptor;
        void *buffer;
        off_t offset;
        int error;
    } cases[] = {{"bad descriptor", 0, -1, block, 0, EBADF},
                 {"negative offset", 0, direct, block, -1, EINVAL},
                 {"offset maximum", 1, direct, block, LLONG_MAX - 5, EFBIG},
                 {"unmapped, direct", 0, direct, unmapped, 0, EFAULT},
                 {"unmapped, direct write", 1, direct, unmapped, 0, EFAULT},
                 {"unmapped, buffered", 0, descriptor, unmapped, 0, EFAULT},
                 {"unmapped, buffered write", 1, descriptor, unmapped, 0, EFAULT},
                 {"wild, direct", 0, direct, wild, 0, EFAULT},
                 {"wild, buffered", 0, descriptor, wild, 0, EFAULT},
                 {"wild, buffered write", 1, descriptor, wild, 0, EFAULT},
                 {"unmapped, pipe", 1, ends[1], unmapped, 0, EFAULT},
                 {"not aligned", 0, direct, block + 1, 0, EINVAL},
                 {"cancelled", 0, ends[0], block, 0, ECANCELED}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct aiocb control = request(cases[i].descriptor, cases[i].buffer, 4096, cases[i].offset);
        control.aio_sigevent.sigev_notify = KAIO_SIGEV_EVENTFD;
        control.aio_sigevent.sigev_value.sival_int = event;
        OK(cases[i].write ? aio_write(&control) : aio_read(&control));
        if (cases[i].error == ECANCELED) EQUAL(aio_cancel(ends[0], &control), AIO_CANCELED);
        int error;
        do {
            struct pollfd ready = {event, POLLIN, 0};
            uint64_t value;
            if (poll(&ready, 1, 5000) != 1) failed(__FILE__, __LINE__, "%s: no signal within 5 s", cases[i].name);
            EQUAL(read(event, &value, sizeof value), sizeof value);
        } while ((error = aio_error(&control)) == EINPROGRESS);
        // A device that takes any alignment is one that does not fail.
        if (error != cases[i].error && !(cases[i].error == EINVAL && error == 0))
            failed(__FILE__, __LINE__, "%s: aio_error is %d, expected %d", cases[i].name, error, cases[i].error);
    }
    return 0;
}
