// holds: In the child of a fork each call of the parent's client gives EINVAL, and the parent's goes on; what a child makes itself works.
// source: kaio
// modes: linked
#include "bufio.h"

int main(void) {
    deadline(50);
    kaio_connection *connection = connected(STACK, NULL);
    kaio_file *file = opened(connection, "data", 0, 8 * size, 1);
    kaio_bufio *client = client_of(file);
    kaio_bufio_buffer *held, *buffer;
    unsigned char *data = READ(client, 3, &held);
    fill(data, size, 2, 0);
    OK(kaio_bufio_mark_dirty(held));
    pid_t child = fork();
    if (child == 0) {
        deadline(20);
        struct aiocb control = request(-1, NULL, 0, 0);
        struct kaio_bufio_counts counts;
        IS_NULL(kaio_bufio_read(client, 1, &buffer), EINVAL);
        IS_NULL(kaio_bufio_new(client, 1, &buffer), EINVAL);
        FAILS(kaio_bufio_release(held), EINVAL);
        FAILS(kaio_bufio_mark_dirty(held), EINVAL);
        FAILS(kaio_bufio_write_dirty(client), EINVAL);
        FAILS(kaio_bufio_prefetch(client, 0, 1), EINVAL);
        FAILS(kaio_bufio_forget(client, 0), EINVAL);
        FAILS(kaio_bufio_read_async(client, 0, &control), EINVAL);
        FAILS(kaio_bufio_statistics(client, &counts, sizeof counts), EINVAL);
        FAILS(kaio_bufio_destroy(client), EINVAL);
        OK(kaio_disconnect(connection));
        connection = connected(STACK, NULL);
        file = kaio_open(connection, "data", O_RDWR, 0);
        client = client_of(file);
        VERIFY(READ(client, 3, &buffer), size, 1, 3 * size);
        OK(kaio_bufio_release(buffer));
        OK(kaio_bufio_destroy(client));
        OK(kaio_disconnect(connection));
        _exit(0);
    }
    EXITS(child);
    OK(kaio_bufio_release(held));
    OK(kaio_bufio_destroy(client));
    unsigned char block[size];
    int plain = open("data", O_RDONLY);
    EQUAL(pread(plain, block, size, 3 * size), size);
    VERIFY(block, size, 2, 0);
    OK(kaio_disconnect(connection));
}
