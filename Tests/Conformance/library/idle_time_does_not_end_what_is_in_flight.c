// holds: A request that waits for longer than the idle time is not given up, and still notifies when it is finished.
// source: kaio
// environment: KAIO_IDLE_SECONDS=1
#include "../check.h"

static atomic_int called;

static void finished(union sigval value) {
    (void)value;
    called++;
}

int main(void) {
    int ends[2];
    open_pipe(ends);
    char byte = 0;
    struct aiocb control = request(ends[0], &byte, 1, 0);
    control.aio_sigevent.sigev_notify = SIGEV_THREAD;
    control.aio_sigevent.sigev_notify_function = finished;
    OK(aio_read(&control));
    sleep_for(3);
    EQUAL(aio_error(&control), EINPROGRESS);
    EQUAL(called, 0);
    EQUAL(write(ends[1], "x", 1), 1);
    for (double end = now() + 10; !called && now() < end;) sleep_for(0.01);
    EQUAL(called, 1);
    EQUAL(aio_error(&control), 0);
    EQUAL(aio_return(&control), 1);
    EQUAL(byte, 'x');
    for (double end = now() + 10; count_contexts() != 0 && now() < end;) sleep_for(0.05);
    EQUAL(count_contexts(), 0);
    check_service();
}
