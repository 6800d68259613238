// holds: Of a program that never dispatches, the descriptor becomes readable when it is time to give everything back; the next kaio_close, or kaio_disconnect of one of several connections, gives it back, and none does earlier.
// source: kaio
// environment: KAIO_IDLE_SECONDS=1
// modes: linked
#include "../connection.h"

static void read_once(kaio_connection *connection, kaio_file *file, char *buffer) {
    struct aiocb control = request(-1, buffer, 4096, 0);
    OK(kaio_aio_read(file, &control));
    EQUAL(finished(connection, file, &control), 4096);
    EQUAL(count_contexts(), 1);
    EQUAL(kaio_connection_dispatch(connection, 0), 1);
}

int main(void) {
    kaio_connection *connection = connected(NULL, NULL), *second = connected(NULL, NULL);
    kaio_file *file = opened(connection, "data", O_DIRECT, 4096, 1), *another = opened(connection, "data", 0, 4096, 1);
    kaio_file *third = opened(connection, "data", 0, 4096, 1);
    char *buffer = aligned_buffer(4096);
    read_once(connection, file, buffer);
    OK(kaio_close(third));
    EQUAL(count_contexts(), 1);
    CHECK(is_readable(connection, 2000));
    EQUAL(count_contexts(), 1);
    // The clock that counts is a rough one, and never early.
    sleep_for(1.1);
    OK(kaio_close(another));
    EQUAL(count_contexts(), 0);
    EQUAL(count_threads(), 1);

    read_once(connection, file, buffer);
    sleep_for(1.2);
    EQUAL(count_contexts(), 1);
    OK(kaio_disconnect(second));
    EQUAL(count_contexts(), 0);

    read_once(connection, file, buffer);
    OK(kaio_disconnect(connection));
    EQUAL(count_contexts(), 0);
    EQUAL(count_threads(), 1);
}
