// holds: kaio_aio_suspend waits for all of a list that is partly finished, and gives EAGAIN when the time is up.
// source: kaio
// modes: linked
#include "../connection.h"

int main(void) {
    kaio_connection *connection = connected(NULL, NULL);
    kaio_file *file = opened(connection, "data", 0, 4096, 1), *first, *second;
    int one = opened_pipe(connection, &first), two = opened_pipe(connection, &second);
    char buffer[4096], a, b;
    struct aiocb done = request(-1, buffer, 4096, 0), slow = request(-1, &a, 1, 0), slower = request(-1, &b, 1, 0);
    OK(kaio_aio_read(file, &done));
    OK(kaio_aio_read(first, &slow));
    OK(kaio_aio_read(second, &slower));
    OK(all_of(connection, &done, 10));
    const struct aiocb *list[] = {&done, NULL, &slow, &slower};
    struct timespec time = interval(50000000);
    FAILS(kaio_aio_suspend(connection, list, 4, &time), EAGAIN);
    EQUAL(write(one, "x", 1), 1);
    FAILS(kaio_aio_suspend(connection, list, 4, &time), EAGAIN);
    EQUAL(kaio_aio_error(first, &slow), 0);
    EQUAL(kaio_aio_error(second, &slower), EINPROGRESS);
    EQUAL(write(two, "x", 1), 1);
    OK(kaio_aio_suspend(connection, list, 4, NULL));
    EQUAL(kaio_aio_return(file, &done), 4096);
    VERIFY(buffer, 4096, 1, 0);
    EQUAL(kaio_aio_return(first, &slow), 1);
    EQUAL(kaio_aio_return(second, &slower), 1);
    EQUAL(kaio_aio_return(second, &slower), 1);
    // Nothing to wait for.
    OK(kaio_aio_suspend(connection, list + 1, 1, NULL));
    OK(kaio_aio_suspend(connection, NULL, 0, NULL));
    FAILS(kaio_aio_suspend(connection, list, -1, NULL), EINVAL);
    OK(kaio_disconnect(connection));
}
