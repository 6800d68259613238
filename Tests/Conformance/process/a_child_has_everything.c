// holds: In the child of a fork notifications, lists, pipes, cancellation and close work as in the parent.
// source: fork
#include "../check.h"
#include <stdatomic.h>

static atomic_int called, signalled;
static void callback(union sigval value) { (void)value, called++; }
static void handler(int number) { (void)number, signalled++; }

static void use(void) {
    int file = scratch_file(0), ends[2];
    char byte;
    called = signalled = 0;
    OK(pipe(ends));
    struct aiocb control = request(file, "data", 4, 0), waiting = request(ends[0], &byte, 1, 0), *list[1] = {&control};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD};
    event.sigev_notify_function = callback;
    control.aio_lio_opcode = LIO_WRITE;
    control.aio_sigevent.sigev_notify = SIGEV_SIGNAL;
    control.aio_sigevent.sigev_signo = SIGRTMIN;
    OK(lio_listio(LIO_NOWAIT, list, 1, &event));
    for (double end = now() + 10; (!called || !signalled) && now() < end;) sleep_for(0.001);
    EQUAL(called, 1);
    EQUAL(signalled, 1);
    EQUAL(FINISH(&control), 4);
    for (int i = 0; i < 2; i++) {
        OK(aio_read(&waiting));
        if (i == 0) EQUAL(write(ends[1], "x", 1), 1);
        else EQUAL(aio_cancel(ends[0], &waiting), AIO_CANCELED);
        EQUAL(wait_for(&waiting, 10), i == 0 ? 0 : ECANCELED);
        aio_return(&waiting);
    }
    OK(aio_read(&waiting));
    OK(close(ends[0]));
    FINISHES_WITH(&waiting, ECANCELED);
    OK(close(ends[1]));
    OK(close(file));
}

int main(void) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    OK(sigaction(SIGRTMIN, &action, NULL));
    use();
    for (int round = 0; round < 20; round++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(15);
            use();
            use();
            exit(0);
        }
        if (round % 2) use();
        EXITS(child);
    }
    use();
    return 0;
}
