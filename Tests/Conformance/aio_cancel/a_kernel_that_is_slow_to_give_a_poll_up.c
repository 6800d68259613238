// holds: aio_cancel and close end a read that waits for data at once, whether the kernel gives its poll up late, never, or must not be asked to.
// source: kaio (a read that has not begun can be cancelled at any time)
// limit: 60
#include "../syscalls.h"
#include <sys/socket.h>

enum { rounds = 300 };
static int refusal, calls;

// Says that it will be done, and does not do it; what asks whether it can be done at all is let through.
static int answer(const struct seccomp_data *call, pid_t thread) {
    (void)call, (void)thread;
    return refusal != EINPROGRESS || calls++ > 0 ? refusal : 0;
}

static void work(void) {
    watch_calls(answer, (int[]){SYS_io_cancel}, 1);
    alarm(30);
    char byte;
    int ends[2];
    struct aiocb control;
    for (int i = 0; i < rounds; i++) {
        open_pipe(ends);
        control = request(ends[0], &byte, 1, 0);
        OK(aio_read(&control));
        EQUAL(aio_cancel(ends[0], i % 2 ? &control : NULL), AIO_CANCELED);
        EQUAL(aio_error(&control), ECANCELED);
        EQUAL(aio_return(&control), -1);
        // The bytes are not the cancelled request's.
        EQUAL(write(ends[1], "a", 1), 1);
        control = request(ends[0], &byte, 1, 0);
        OK(aio_read(&control));
        EQUAL(FINISH(&control), 1);
        EQUAL(byte, 'a');
        control = request(ends[0], &byte, 1, 0);
        OK(aio_read(&control));
        OK(close(ends[0]));
        EQUAL(aio_error(&control), ECANCELED);
        EQUAL(aio_return(&control), -1);
        OK(close(ends[1]));
    }
    if (refusal != EINPROGRESS) {
        // Nothing in the kernel keeps the file that was closed.
        OK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
        control = request(ends[0], &byte, 1, 0);
        OK(aio_read(&control));
        OK(close(ends[0]));
        EQUAL(read(ends[1], &byte, 1), 0);
    }
    check_service();
}

int main(void) {
    static const int refusals[] = {EINPROGRESS, ENOSYS, EPERM};
    for (int i = 0; i < 3; i++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            refusal = refusals[i];
            work();
            _exit(0);
        }
        int status;
        EQUAL(waitpid(child, &status, 0), child);
        printf("io_cancel says %s: %#x\n", strerror(refusals[i]), status);
        EQUAL(status, 0);
    }
}
