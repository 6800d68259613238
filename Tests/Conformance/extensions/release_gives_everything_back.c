// holds: kaio_release gives threads, descriptors and contexts back at once, whatever KAIO_IDLE_SECONDS is: when it returns the process has one thread and may unshare its user namespace; EBUSY while a request is in flight.
// source: kaio
// modes: linked
// environment: KAIO_IDLE_SECONDS=0
#include "../check.h"
#include "../../../include/kaio.h"
#include <sched.h>

static _Atomic int called;
static void function(union sigval unused) { (void)unused, called++; }

// On the kernel, on workers, with a function, and in a list.
static void use(int file, int direct) {
    static unsigned char bytes[1 << 20] __attribute__((aligned(4096)));
    struct aiocb large = request(file, bytes, sizeof bytes, 0), one = request(direct, bytes, 4096, 0), notified = one;
    struct aiocb *list[2] = {&large, &one};
    large.aio_lio_opcode = one.aio_lio_opcode = LIO_READ;
    notified.aio_sigevent.sigev_notify = SIGEV_THREAD;
    notified.aio_sigevent.sigev_notify_function = function;
    int before = called;
    OK(aio_read(&notified));
    OK(lio_listio(LIO_WAIT, list, 2, NULL));
    EQUAL(aio_return(&large), sizeof bytes);
    EQUAL(FINISH(&notified), 4096);
    while (called == before) sleep_for(0.001);
}

int main(void) {
    int file = scratch_file(0), direct = scratch_file(O_DIRECT), ends[2];
    char byte;
    write_pattern(file, 1 << 20, 1, 0);
    write_pattern(direct, 4096, 1, 0);
    open_pipe(ends);
    int descriptors = count_descriptors(), threads = count_threads();
    EQUAL(threads, 1);
    OK(kaio_release());
    for (int round = 0; round < 30; round++) {
        use(file, direct);
        CHECK(count_threads() > 1);
        struct aiocb waiting = request(ends[0], &byte, 1, 0);
        OK(aio_read(&waiting));
        FAILS(kaio_release(), EBUSY);
        EQUAL(write(ends[1], "x", 1), 1);
        EQUAL(FINISH(&waiting), 1);
        OK(kaio_release());
        EQUAL(count_threads(), 1);
        EQUAL(count_descriptors(), descriptors);
        OK(kaio_release());
    }
    // unshare wants a process with one thread. A sandbox may refuse it in another way.
    pid_t child = fork();
    if (child == 0) {
        use(file, direct);
        int result = unshare(CLONE_NEWUSER);
        CHECK(result == -1 && (errno == EINVAL || errno == EPERM || errno == ENOSPC));
        int refused = errno != EINVAL;
        OK(kaio_release());
        CHECK(unshare(CLONE_NEWUSER) == 0 || refused);
        use(file, direct);
        _exit(0);
    }
    int status;
    EQUAL(waitpid(child, &status, 0), child);
    EQUAL(status, 0);
    use(file, direct);
    return 0;
}
