// holds: kaio_bufio_new reads nothing and gives zeroes; until the block is marked dirty no request sees it, and if it never is the file is as it was; a regular file grows by it.
// source: kaio
// modes: linked
#include "bufio.h"

static kaio_file *file;
static unsigned char block[size];

static void *read_it(void *control) {
    OK(kaio_aio_read(file, control));
    return NULL;
}

int main(void) {
    deadline(50);
    kaio_connection *connection = connected(STACK, NULL);
    file = opened(connection, "data", 0, 2 * size, 1);
    kaio_bufio *client = client_of(file);
    kaio_bufio_buffer *buffer, *again;
    unsigned char *data = kaio_bufio_new(client, 0, &buffer);
    CHECK(data);
    for (int i = 0; i < size; i++) EQUAL(data[i], 0);
    // The same client gets it as it is.
    CHECK(READ(client, 0, &again) == data);
    OK(kaio_bufio_release(again));
    memset(data, 7, size);
    // A request waits until it is said what is to become of it.
    struct aiocb control = request(-1, block, size, 0);
    const struct aiocb *list[] = {&control};
    struct timespec soon = {0, 50 * 1000 * 1000};
    read_it(&control);
    FAILS(kaio_aio_suspend(connection, list, 1, &soon), EAGAIN);
    OK(kaio_bufio_release(buffer));
    OK(kaio_aio_suspend(connection, list, 1, NULL));
    EQUAL(kaio_aio_return(file, &control), size);
    VERIFY(block, size, 1, 0);
    // What is there already is given as it is.
    data = kaio_bufio_new(client, 0, &buffer);
    CHECK(data);
    VERIFY(data, size, 1, 0);
    OK(kaio_bufio_release(buffer));
    // Marked it is the file's, and behind the end the file grows.
    data = kaio_bufio_new(client, 3, &buffer);
    CHECK(data);
    fill(data, size, 5, 0);
    OK(kaio_bufio_mark_dirty(buffer));
    control = request(-1, block, size, 3 * size);
    OK(kaio_aio_read(file, &control));
    OK(kaio_aio_suspend(connection, list, 1, NULL));
    EQUAL(kaio_aio_return(file, &control), size);
    VERIFY(block, size, 5, 0);
    OK(kaio_bufio_release(buffer));
    OK(kaio_bufio_write_dirty(client));
    int plain = open("data", O_RDONLY);
    EQUAL(pread(plain, block, size, 3 * size), size);
    VERIFY(block, size, 5, 0);
    EQUAL(lseek(plain, 0, SEEK_END), 4 * size);
    EQUAL(pread(plain, block, size, 0), size);
    VERIFY(block, size, 1, 0);
    EQUAL(kaio_bufio_device_size(client), 4);
    OK(kaio_bufio_destroy(client));
    OK(kaio_disconnect(connection));
}
