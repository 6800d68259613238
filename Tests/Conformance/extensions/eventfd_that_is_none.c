// holds: KAIO_SIGEV_EVENTFD with a descriptor that is closed or no eventfd: EINVAL from the call, nothing is queued, and nothing is written to it.
// source: kaio
#include "../check.h"
#include "../../../include/kaio.h"
#include <sys/eventfd.h>

int main(void) {
    int descriptor = scratch_file(0), victim = scratch_file(0), direct = scratch_file(O_DIRECT), ends[2];
    int closed = eventfd(0, EFD_CLOEXEC);
    unsigned char *block = aligned_buffer(4096), before[16], after[16] = {0};
    open_pipe(ends);
    write_pattern(descriptor, 4096, 1, 0);
    write_pattern(direct, 4096, 1, 0);
    write_pattern(victim, sizeof before, 2, 0);
    EQUAL(pread(victim, before, sizeof before, 0), sizeof before);
    close(closed);
    struct {
        const char *name;
        int number;
    } cases[] = {{"closed", closed}, {"-1", -1}, {"INT_MAX", INT_MAX}, {"a file", victim}, {"a pipe", ends[1]}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int j = 0; j < 3; j++) {
            struct aiocb control = request(j ? direct : descriptor, block, 4096, 0);
            control.aio_sigevent.sigev_notify = KAIO_SIGEV_EVENTFD;
            control.aio_sigevent.sigev_value.sival_int = cases[i].number;
            errno = 0;
            int result = j == 2 ? aio_fsync(O_SYNC, &control) : aio_read(&control), error = errno;
            if (result != -1 || error != EINVAL)
                failed(__FILE__, __LINE__, "%s: %d with errno %d, expected -1 and EINVAL", cases[i].name, result,
                       error);
            FAILS(aio_error(&control), EINVAL);
            // In a list it is the member's own status.
            struct aiocb *list[1] = {&control};
            control.aio_lio_opcode = LIO_READ;
            FAILS(lio_listio(LIO_WAIT, list, 1, NULL), EIO);
            FINISHES_WITH(&control, EINVAL);
            struct sigevent event = control.aio_sigevent;
            control.aio_sigevent.sigev_notify = SIGEV_NONE;
            FAILS(lio_listio(LIO_NOWAIT, list, 1, &event), EINVAL);
            EQUAL(aio_error(&control), EINVAL);
        }
    EQUAL(pread(victim, after, sizeof after, 0), sizeof after);
    CHECK(memcmp(before, after, sizeof before) == 0);
    OK(fcntl(ends[0], F_SETFL, O_NONBLOCK));
    FAILS(read(ends[0], after, 1), EAGAIN);
    return 0;
}
