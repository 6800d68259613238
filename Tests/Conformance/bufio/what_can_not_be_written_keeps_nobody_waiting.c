// holds: Where no dirty block can be written, other blocks are still to be had, held and read, up to 32 beyond the budget, and then the next is the error of the writes; kaio_bufio_write_dirty tells it; destroy tells it too, and ends the client.
// source: kaio
// modes: linked
#include "bufio.h"

enum { many = 60 };

int main(void) {
    deadline(50);
    kaio_connection *connection = connected("bufio ordered error_inject aio_pthread", "error_inject:rules = write ENOSPC; bufio:size = 64k");
    kaio_file *file = opened(connection, "data", O_DIRECT, many * size, 1);
    kaio_bufio *client = client_of(file);
    kaio_bufio_buffer *buffer;
    int refused = 0;
    for (unsigned int i = 0; i < many; i++) {
        unsigned char *data = kaio_bufio_read(client, i, &buffer);
        if (!data) {
            EQUAL(errno, ENOMEM);
            refused++;
            continue;
        }
        VERIFY(data, size, 1, (uint64_t)i * size);
        if (i < 12) OK(kaio_bufio_mark_dirty(buffer));
        OK(kaio_bufio_release(buffer));
    }
    EQUAL(refused, 0);
    FAILS(kaio_bufio_write_dirty(client), ENOSPC);
    CHECK(kaio_bufio_get(client, 3, &buffer) != NULL);
    OK(kaio_bufio_release(buffer));
    // All of the cache is dirty, and then what is beyond it.
    unsigned int got = 0;
    errno = 0;
    while (got < many && kaio_bufio_new(client, got, &buffer)) {
        OK(kaio_bufio_mark_dirty(buffer));
        OK(kaio_bufio_release(buffer));
        got++;
    }
    EQUAL(errno, ENOSPC);
    CHECK(got > 15 && got < many);
    unsigned char *block = aligned_buffer(size);
    struct aiocb control = request(-1, block, size, (many - 1) * size);
    OK(kaio_aio_read(file, &control));
    const struct aiocb *list[] = {&control};
    OK(kaio_aio_suspend(connection, list, 1, NULL));
    EQUAL(kaio_aio_error(file, &control), ENOSPC);
    kaio_aio_return(file, &control);
    // What is there is still read.
    CHECK(kaio_bufio_get(client, 3, &buffer) != NULL);
    OK(kaio_bufio_release(buffer));
    FAILS(kaio_bufio_write_dirty(client), ENOSPC);
    FAILS(kaio_bufio_destroy(client), ENOSPC);
    OK(kaio_close(file));
    OK(kaio_disconnect(connection));
}
