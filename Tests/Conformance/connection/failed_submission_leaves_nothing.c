// holds: A request that is refused by the call leaves nothing behind: no status, no callback, nothing that a close waits for.
// source: kaio
// modes: linked
#include "../connection.h"

int main(void) {
    kaio_connection *connection = connected(NULL, NULL);
    kaio_file *file = opened(connection, "data", 0, 4096, 1), *pipe;
    int end = opened_pipe(connection, &pipe);
    char buffer[4096], byte;
    struct aiocb control;
    for (int i = 0; i < 1000; i++) {
        control = request(-1, buffer, 4096, 0);
        kaio_set_callback(&control, count_call, &control);
        control.aio_reqprio = 1000;
        FAILS(kaio_aio_read(file, &control), EINVAL);
        control.aio_reqprio = 0;
        control.aio_sigevent.sigev_notify = SIGEV_THREAD;
        FAILS(kaio_aio_read(file, &control), EINVAL);
        kaio_set_callback(&control, NULL, NULL);
        FAILS(kaio_aio_write(file, &control), EINVAL);
        FAILS(kaio_aio_fsync(file, 12345, &control), EINVAL);
        FAILS(kaio_aio_read(NULL, &control), EINVAL);
        FAILS(kaio_aio_error(file, &control), EINVAL);
        FAILS(kaio_aio_return(file, &control), EINVAL);
    }
    // One that is in flight stays as it is.
    control = request(-1, &byte, 1, 0);
    OK(kaio_aio_read(pipe, &control));
    FAILS(kaio_aio_read(file, &control), EBUSY);
    EQUAL(control.aio_fildes, kaio_file_fd(pipe));
    EQUAL(write(end, "x", 1), 1);
    EQUAL(finished(connection, pipe, &control), 1);
    EQUAL(kaio_connection_dispatch(connection, 0), 1);
    EQUAL(kaio_connection_dispatch(connection, 0), 0);
    // What is wrong with the operation is its result, and complete in the same way.
    control = request(-1, &byte, 1, 0);
    kaio_set_callback(&control, count_call, &control);
    OK(kaio_aio_write(pipe, &control));
    dispatch_until(connection, &called, 1);
    EQUAL(kaio_aio_error(pipe, &control), EBADF);
    EQUAL(kaio_aio_return(pipe, &control), -1);
    OK(kaio_close(file));
    OK(kaio_disconnect(connection));
    EQUAL(called, 1);
}
