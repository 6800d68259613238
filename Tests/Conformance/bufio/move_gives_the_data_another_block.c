// holds: kaio_bufio_move has a held buffer's data be another block's: its old place is written first if it was dirty, what was at the new one is dropped, dirty or not, and others that hold it keep it; a held block is in nobody's way.
// source: kaio
// modes: linked
#include "bufio.h"

static kaio_bufio *client;
static kaio_bufio_buffer *buffer;
static void move_to_4(void) { FAILS(kaio_bufio_move(buffer, 4), EBUSY); }

int main(void) {
    deadline(50);
    kaio_connection *connection = connected(STACK, NULL);
    kaio_file *file = opened(connection, "data", 0, 8 * size, 1);
    client = client_of(file);
    kaio_bufio_buffer *other, *held;
    unsigned char block[size];
    int plain = open("data", O_RDONLY);
    // Dirty at its old place, and what is dirty at the new one is lost.
    fill(READ(client, 7, &other), size, 9, 0);
    OK(kaio_bufio_mark_dirty(other));
    OK(kaio_bufio_release(other));
    unsigned char *data = READ(client, 1, &buffer);
    fill(data, size, 2, 0);
    OK(kaio_bufio_mark_dirty(buffer));
    OK(kaio_bufio_move(buffer, 7));
    FAILS(kaio_bufio_release(buffer), EINVAL);
    EQUAL(pread(plain, block, size, size), size);
    VERIFY(block, size, 2, 0);
    EQUAL(pread(plain, block, size, 7 * size), size);
    VERIFY(block, size, 1, 7 * size);
    VERIFY(READ(client, 7, &buffer), size, 2, 0);
    OK(kaio_bufio_release(buffer));
    OK(kaio_bufio_write_dirty(client));
    EQUAL(pread(plain, block, size, 7 * size), size);
    VERIFY(block, size, 2, 0);
    // Two hold it: one moves its data, for the other it stays.
    data = READ(client, 3, &buffer);
    CHECK(READ(client, 3, &other) == data);
    OK(kaio_bufio_move(buffer, 5));
    VERIFY(data, size, 1, 3 * size);
    EQUAL(kaio_bufio_block(other), 3);
    VERIFY(READ(client, 5, &held), size, 1, 3 * size);
    OK(kaio_bufio_release(held));
    // To a block that is held, and past the end, where the file grows.
    READ(client, 4, &held);
    buffer = other;
    CHECK(strstr(said(move_to_4), "block 4 "));
    OK(kaio_bufio_release(held));
    OK(kaio_bufio_move(other, 9));
    OK(kaio_bufio_write_dirty(client));
    EQUAL(lseek(plain, 0, SEEK_END), 10 * size);
    EQUAL(pread(plain, block, size, 9 * size), size);
    VERIFY(block, size, 1, 3 * size);
    // To where it is.
    READ(client, 6, &buffer);
    OK(kaio_bufio_move(buffer, 6));
    EQUAL(counts_of(client).held, 0);
    OK(kaio_bufio_destroy(client));
    OK(kaio_disconnect(connection));
}
