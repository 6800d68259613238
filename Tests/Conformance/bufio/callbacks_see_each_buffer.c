// holds: The callback for a new buffer comes once for each, before it is given out, with the program's zeroed bytes beside it, which stay as long as the block; the one before a write comes before each, and what it puts in is written.
// source: kaio
// modes: linked
#include "bufio.h"

struct mine {
    uint64_t number, marks;
};
static _Atomic int made, written;
static int argument;

static void allocated(kaio_bufio *client, uint64_t block, void *data, void *user, void *own) {
    struct mine *mine = user;
    CHECK(client && own == &argument && mine->number == 0 && mine->marks == 0);
    VERIFY(data, size, 1, block * size);
    mine->number = block + 1;
    made++;
}

static void writing(kaio_bufio *client, uint64_t block, void *data, void *user, void *own) {
    if (!client || own != &argument) _exit(3);
    if (user && ((struct mine *)user)->number != block + 1) _exit(4);
    // A checksum, say.
    memcpy((char *)data + size - 8, &block, 8);
    written++;
}

int main(void) {
    deadline(50);
    kaio_connection *connection = connected(STACK, NULL);
    kaio_file *file = opened(connection, "data", 0, 64 * size, 1);
    struct kaio_bufio_options options = {
        .size = sizeof options, .user_bytes = sizeof(struct mine), .minimum_buffers = 100, .allocated = allocated,
        .writing = writing, .argument = &argument};
    kaio_bufio *client = kaio_bufio_create(file, &options);
    CHECK(client);
    kaio_bufio_buffer *buffers[64];
    for (int round = 0; round < 2; round++)
        for (uint64_t i = 0; i < 64; i++) {
            READ(client, i, &buffers[i]);
            struct mine *mine = kaio_bufio_user(buffers[i]);
            CHECK(mine && mine->number == i + 1 && mine->marks == (uint64_t)round);
            mine->marks++;
            OK(kaio_bufio_release(buffers[i]));
        }
    EQUAL(made, 64);
    // What is forgotten is made anew.
    OK(kaio_bufio_forget_run(client, 0, 32));
    for (uint64_t i = 0; i < 64; i++) {
        READ(client, i, &buffers[i]);
        EQUAL(((struct mine *)kaio_bufio_user(buffers[i]))->marks, i < 32 ? 0 : 2);
        if (i % 2) OK(kaio_bufio_mark_dirty(buffers[i]));
    }
    EQUAL(made, 96);
    OK(kaio_bufio_write_dirty(client));
    EQUAL(written, 32);
    unsigned char block[size];
    int plain = open("data", O_RDONLY);
    for (uint64_t i = 1; i < 64; i += 2) {
        uint64_t number;
        EQUAL(pread(plain, block, size, (off_t)i * size), size);
        memcpy(&number, block + size - 8, 8);
        EQUAL(number, i);
    }
    // Moved with the data.
    ((struct mine *)kaio_bufio_user(buffers[7]))->number = 62;
    OK(kaio_bufio_release(buffers[61]));
    OK(kaio_bufio_move(buffers[7], 61));
    READ(client, 61, &buffers[7]);
    EQUAL(((struct mine *)kaio_bufio_user(buffers[7]))->number, 62);
    OK(kaio_bufio_release(buffers[7]));
    for (int i = 0; i < 64; i++)
        if (i != 7 && i != 61) OK(kaio_bufio_release(buffers[i]));
    OK(kaio_bufio_destroy(client));
    EQUAL(written, 33);
    // Nobody's any more.
    client = client_of(file);
    CHECK(kaio_bufio_get(client, 5, &buffers[0]));
    IS_NULL(kaio_bufio_user(buffers[0]), 0);
    OK(kaio_bufio_release(buffers[0]));
    OK(kaio_bufio_destroy(client));
    OK(kaio_disconnect(connection));
}
