// holds: An error of a read is told, frees the buffer, and the next read tries again; so does a read that tells when it is complete.
// source: kaio
// modes: linked
#include "bufio.h"

int main(void) {
    deadline(50);
    kaio_connection *connection =
        connected("bufio ordered error_inject aio_pthread", "error_inject:rules = read EIO first 2");
    kaio_file *file = opened(connection, "data", 0, 4 * size, 1);
    kaio_bufio *client = client_of(file);
    kaio_bufio_buffer *buffer;
    IS_NULL(kaio_bufio_read(client, 1, &buffer), EIO);
    EQUAL(counts_of(client).blocks, 0);
    struct aiocb control = request(-1, NULL, 0, 0);
    OK(kaio_bufio_read_async(client, 1, &control));
    const struct aiocb *list[] = {&control};
    OK(kaio_aio_suspend(connection, list, 1, NULL));
    IS_NULL(kaio_bufio_finish(client, &control, &buffer), EIO);
    IS_NULL(kaio_bufio_finish(client, &control, &buffer), EINVAL);
    EQUAL(counts_of(client).held, 0);
    VERIFY(READ(client, 1, &buffer), size, 1, size);
    OK(kaio_bufio_release(buffer));
    OK(kaio_bufio_destroy(client));
    OK(kaio_disconnect(connection));
}
