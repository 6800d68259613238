// holds: dispatch calls each callback once, at most as many as asked for; what is left keeps the descriptor readable; a callback may submit again, close its file, and not dispatch.
// source: kaio
// modes: linked
#include "../connection.h"

static kaio_connection *connection;
static int closes;

static void close_it(kaio_file *file, struct aiocb *control, void *argument) {
    (void)control;
    FAILS(kaio_connection_dispatch(connection, 0), EBUSY);
    FAILS(kaio_disconnect(connection), EBUSY);
    if (closes++ == 0) OK(kaio_close(file));
    else EQUAL(kaio_aio_error(file, control), *(int *)argument);
}

int main(void) {
    enum { count = 10 };
    connection = connected(NULL, NULL);
    kaio_file *file = opened(connection, "data", 0, 4096, 1);
    struct aiocb controls[count];
    char buffers[count][512];
    for (int i = 0; i < count; i++) {
        controls[i] = request(-1, buffers[i], 512, i % 8 * 512);
        kaio_set_callback(&controls[i], count_call, &controls[i]);
        OK(kaio_aio_read(file, &controls[i]));
    }
    for (int i = 0; i < count; i++) OK(all_of(connection, &controls[i], 10));
    EQUAL(called, 0);
    CHECK(is_readable(connection, 0));
    EQUAL(kaio_connection_dispatch(connection, 3), 3);
    EQUAL(called, 3);
    CHECK(is_readable(connection, 0));
    EQUAL(kaio_connection_dispatch(connection, 0), count - 3);
    EQUAL(called, count);
    CHECK(!is_readable(connection, 0));
    EQUAL(kaio_connection_dispatch(connection, 0), 0);
    for (int i = 0; i < count; i++)
        for (int j = 0; j < i; j++) CHECK(called_with[i] != called_with[j]);
    // Closed in the first callback: the others are called too, also that of what was cancelled.
    kaio_file *pipe;
    int end = opened_pipe(connection, &pipe), cancelled = ECANCELED, none = 0;
    char bytes[2];
    struct aiocb first = request(-1, &bytes[0], 1, 0), second = request(-1, &bytes[1], 1, 0);
    kaio_set_callback(&first, close_it, &none);
    kaio_set_callback(&second, close_it, &cancelled);
    OK(kaio_aio_read(pipe, &first));
    OK(kaio_aio_read(pipe, &second));
    EQUAL(write(end, "x", 1), 1);
    dispatch_until(connection, &closes, 2);
    EQUAL(bytes[0], 'x');
    OK(kaio_disconnect(connection));
    EQUAL(closes, 2);
}
