// holds: A completion outside the list does not end kaio_aio_suspend, and reaches its owner afterwards, its callback called once, by dispatch.
// source: kaio
// modes: linked
#include "../connection.h"

static int ends[3];

static void *write_both(void *unused) {
    (void)unused;
    sleep_for(0.1);
    EQUAL(write(ends[1], "y", 1), 1);
    EQUAL(write(ends[2], "z", 1), 1);
    sleep_for(0.1);
    EQUAL(write(ends[0], "x", 1), 1);
    return NULL;
}

int main(void) {
    kaio_connection *connection = connected(NULL, NULL), *other = connected("ordered aio_linux aio_poll", NULL);
    kaio_file *waited, *foreign, *far;
    ends[0] = opened_pipe(connection, &waited);
    ends[1] = opened_pipe(connection, &foreign);
    ends[2] = opened_pipe(other, &far);
    char a, b, c;
    struct aiocb mine = request(-1, &a, 1, 0), strange = request(-1, &b, 1, 0), distant = request(-1, &c, 1, 0);
    const struct aiocb *list[1] = {&mine};
    kaio_set_callback(&strange, count_call, &strange);
    OK(kaio_aio_read(waited, &mine));
    OK(kaio_aio_read(foreign, &strange));
    OK(kaio_aio_read(far, &distant));
    pthread_t writer;
    OK(pthread_create(&writer, NULL, write_both, NULL));
    int64_t start = nanoseconds();
    OK(kaio_aio_suspend(connection, list, 1, NULL));
    CHECK(nanoseconds() - start >= 150000000);
    OK(pthread_join(writer, NULL));
    EQUAL(called, 0);
    EQUAL(kaio_aio_error(foreign, &strange), 0);
    EQUAL(kaio_aio_error(far, &distant), 0);
    CHECK(is_readable(connection, 0));
    CHECK(is_readable(other, 0));
    // The one that was waited for, and the other.
    EQUAL(kaio_connection_dispatch(connection, 0), 2);
    EQUAL(called, 1);
    // That has taken what the kernel says to all connections.
    CHECK(is_readable(other, 0));
    EQUAL(kaio_connection_dispatch(other, 0), 1);
    EQUAL(kaio_connection_dispatch(connection, 0), 0);
    EQUAL(called, 1);
    CHECK(!is_readable(connection, 0));
    EQUAL(kaio_aio_return(foreign, &strange), 1);
    EQUAL(b, 'y');
    OK(kaio_disconnect(other));
    OK(kaio_disconnect(connection));
}
