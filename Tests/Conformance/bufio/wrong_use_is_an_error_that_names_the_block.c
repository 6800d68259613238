// holds: Releasing what is not held, ending a client whose buffers are held, and a block past the end are errors that name the block, and nothing is changed by them; a file with a client can't be closed.
// source: kaio
// modes: linked
#include "bufio.h"

static kaio_bufio *client;
static kaio_bufio_buffer *buffer;
static void release(void) { FAILS(kaio_bufio_release(buffer), EINVAL); }
static void release_garbage(void) { FAILS(kaio_bufio_release((kaio_bufio_buffer *)(uintptr_t)0x123456789abcdef), EINVAL); }
static void end(void) { FAILS(kaio_bufio_destroy(client), EBUSY); }
static void past_the_end(void) {
    kaio_bufio_buffer *none;
    IS_NULL(kaio_bufio_read(client, 8, &none), ENXIO);
    IS_NULL(kaio_bufio_get(client, UINT64_MAX, &none), ENXIO);
}
static void mark(void) {
    FAILS(kaio_bufio_mark_dirty(buffer), EINVAL);
    FAILS(kaio_bufio_move(buffer, 1), EINVAL);
    IS_NULL(kaio_bufio_data(buffer), EINVAL);
    CHECK(kaio_bufio_block(buffer) == UINT64_MAX);
}

int main(void) {
    deadline(50);
    kaio_connection *connection = connected(STACK, NULL), *plain = connected("ordered aio_pthread", NULL);
    kaio_file *file = opened(connection, "data", 0, 8 * size, 1), *without = opened(plain, "other", 0, size, 1);
    IS_NULL(kaio_bufio_create(without, NULL), EINVAL);
    IS_NULL(kaio_bufio_create(NULL, NULL), EINVAL);
    struct kaio_bufio_options options = {.size = sizeof options, .block_size = 8192};
    IS_NULL(kaio_bufio_create(file, &options), EINVAL);
    options = (struct kaio_bufio_options){.size = 0};
    IS_NULL(kaio_bufio_create(file, &options), EINVAL);
    client = client_of(file);
    IS_NULL(kaio_bufio_create(file, NULL), EBUSY);
    FAILS(kaio_close(file), EBUSY);
    FAILS(kaio_disconnect(connection), EBUSY);
    kaio_bufio_buffer *held[2];
    READ(client, 3, &held[0]);
    READ(client, 5, &held[1]);
    const char *text = said(end);
    CHECK(count_lines(text, "block 3 ", "held") == 1 && count_lines(text, "block 5 ", "held") == 1);
    buffer = held[0];
    OK(kaio_bufio_release(buffer));
    CHECK(strstr(said(release), "block 3 "));
    CHECK(strstr(said(mark), "block 3 "));
    CHECK(strstr(said(release_garbage), "no buffer"));
    buffer = NULL;
    said(release);
    text = said(past_the_end);
    CHECK(strstr(text, "block 8 "));
    VERIFY(kaio_bufio_data(held[1]), size, 1, 5 * size);
    OK(kaio_bufio_release(held[1]));
    OK(kaio_bufio_destroy(client));
    // Whatever becomes of the descriptor, the client's file is there.
    client = client_of(file);
    READ(client, 2, &buffer);
    OK(close(kaio_file_fd(file)));
    VERIFY(kaio_bufio_data(buffer), size, 1, 2 * size);
    VERIFY(READ(client, 4, &held[0]), size, 1, 4 * size);
    OK(kaio_bufio_release(held[0]));
    OK(kaio_bufio_release(buffer));
    OK(kaio_bufio_destroy(client));
    FAILS(kaio_close(file), EBADF);
    OK(kaio_disconnect(connection));
    OK(kaio_disconnect(plain));
}
