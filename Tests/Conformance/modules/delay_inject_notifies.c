// holds: What waits for a delayed completion is woken by it: a signal, a function, a list, aio_suspend, and nobody but the library.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=ordered delay_inject aio_linux aio_poll' KAIO_VFS_PARAMETERS=delay_inject:delay=50ms
#include "../check.h"

static atomic_int called;

static void finished(union sigval value) { called += value.sival_int; }

int main(void) {
    enum { size = 4096, delay = 50000000 };
    int direct = scratch_file(O_DIRECT), buffered = scratch_file(0);
    unsigned char *block = aligned_buffer(4 * size);
    deadline(15);
    write_pattern(direct, 4 * size, 1, 0);
    write_pattern(buffered, 4 * size, 1, 0);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    for (int i = 0; i < 2; i++) {
        int file = i ? direct : buffered;
        struct aiocb control = request(file, block, size, 0);
        control.aio_sigevent.sigev_notify = SIGEV_SIGNAL;
        control.aio_sigevent.sigev_signo = SIGUSR1;
        int64_t began = nanoseconds();
        OK(aio_read(&control));
        int signal;
        OK(sigwait(&set, &signal));
        CHECK(nanoseconds() - began >= delay);
        EQUAL(aio_error(&control), 0);
        EQUAL(aio_return(&control), size);

        control.aio_sigevent.sigev_notify = SIGEV_THREAD;
        control.aio_sigevent.sigev_notify_function = finished;
        control.aio_sigevent.sigev_value.sival_int = 1;
        OK(aio_write(&control));
        while (called <= i) sleep_for(0.001);
        EQUAL(aio_return(&control), size);

        struct aiocb members[4], *list[4];
        for (int j = 0; j < 4; j++) {
            members[j] = request(file, block + j * size, size, j * size);
            members[j].aio_lio_opcode = LIO_READ;
            list[j] = &members[j];
        }
        began = nanoseconds();
        OK(lio_listio(LIO_WAIT, list, 4, NULL));
        CHECK(nanoseconds() - began >= delay);
        for (int j = 0; j < 4; j++) EQUAL(aio_return(&members[j]), size);
    }
}
