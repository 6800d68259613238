// holds: A module's timers are kept though no thread was there: for who waits in kaio_aio_suspend, and for who dispatches.
// source: kaio
// modes: linked
#include "../connection.h"

int main(void) {
    kaio_connection *connection = connected("delay_inject ordered aio_linux aio_poll", "delay_inject:delay = 50ms");
    kaio_file *file = opened(connection, "data", 0, 4096, 1);
    char buffer[512];
    struct aiocb control = request(-1, buffer, 512, 0);
    int64_t start = nanoseconds();
    OK(kaio_aio_read(file, &control));
    EQUAL(finished(connection, file, &control), 512);
    CHECK(nanoseconds() - start >= 50000000);
    // And by dispatch.
    kaio_set_callback(&control, count_call, &control);
    OK(kaio_aio_read(file, &control));
    dispatch_until(connection, &called, 1);
    OK(kaio_disconnect(connection));
}
