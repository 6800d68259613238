// holds: In the child of a fork a connection of the parent's can only be disconnected; the child makes its own, and the parent's goes on.
// source: kaio
// modes: linked
#include "../connection.h"

static void use(kaio_connection *connection) {
    kaio_file *file = opened(connection, "data", 0, 4096, 1);
    char buffer[512];
    struct aiocb control = request(-1, buffer, 512, 0);
    called = 0;
    kaio_set_callback(&control, count_call, &control);
    OK(kaio_aio_read(file, &control));
    dispatch_until(connection, &called, 1);
    EQUAL(kaio_aio_return(file, &control), 512);
    VERIFY(buffer, 512, 1, 0);
    OK(kaio_close(file));
}

int main(void) {
    kaio_connection *connection = connected(NULL, NULL);
    use(connection);
    kaio_file *file;
    int end = opened_pipe(connection, &file);
    char byte;
    struct aiocb control = request(-1, &byte, 1, 0);
    OK(kaio_aio_read(file, &control));
    pid_t child = fork();
    if (child == 0) {
        FAILS(kaio_connection_dispatch(connection, 0), EINVAL);
        FAILS(kaio_aio_read(file, &control), EINVAL);
        CHECK(kaio_open(connection, "data", O_RDONLY, 0) == NULL);
        OK(kaio_disconnect(connection));
        kaio_connection *own = connected(NULL, NULL);
        use(own);
        OK(kaio_disconnect(own));
        _exit(0);
    }
    int status;
    EQUAL(waitpid(child, &status, 0), child);
    EQUAL(status, 0);
    EQUAL(write(end, "x", 1), 1);
    EQUAL(finished(connection, file, &control), 1);
    use(connection);
    OK(kaio_disconnect(connection));
}
