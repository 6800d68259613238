// holds: A program that began with a connection has its notifications from the ordinary functions too, without dispatching.
// source: kaio
// modes: linked
#include "../connection.h"

static atomic_int notified;
static void notify(union sigval value) { (void)value, notified++; }

int main(void) {
    char buffer[512];
    struct aiocb control;
    kaio_connection *plain = connected(NULL, NULL);
    int ends[2];
    open_pipe(ends);
    EQUAL(count_threads(), 1);
    control = request(ends[0], buffer, 1, 0);
    control.aio_sigevent.sigev_notify = SIGEV_THREAD;
    control.aio_sigevent.sigev_notify_function = notify;
    OK(aio_read(&control));
    EQUAL(write(ends[1], "x", 1), 1);
    double limit = now() + 10;
    while (!notified) {
        CHECK(now() < limit);
        sleep_for(0.01);
    }
    OK(kaio_disconnect(plain));
}
