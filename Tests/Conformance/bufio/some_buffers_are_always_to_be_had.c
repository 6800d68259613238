// holds: At least 8 buffers, or as many as were asked for, can be held whatever the budget is; where all are held the next is ENOMEM and no hang; where others are dirty they are written and taken.
// source: kaio
// modes: linked
#include "bufio.h"

int main(void) {
    deadline(50);
    kaio_connection *connection = connected(STACK, "bufio:size = 64k");
    kaio_file *file = opened(connection, "data", 0, 1000 * size, 1);
    kaio_bufio *client = client_of(file);
    static kaio_bufio_buffer *buffers[1000];
    int held = 0;
    errno = 0;
    while (held < 1000 && kaio_bufio_read(client, (uint64_t)held, &buffers[held])) held++;
    EQUAL(errno, ENOMEM);
    CHECK(held >= 8 && held < 100);
    kaio_bufio_buffer *one;
    IS_NULL(kaio_bufio_new(client, 999, &one), ENOMEM);
    OK(kaio_bufio_set_minimum_buffers(client, 200));
    while (held < 200) {
        READ(client, (uint64_t)held, &buffers[held]);
        held++;
    }
    IS_NULL(kaio_bufio_read(client, 999, &one), ENOMEM);
    for (int i = 0; i < held; i++) {
        fill(kaio_bufio_data(buffers[i]), size, 2, (uint64_t)i * size);
        OK(kaio_bufio_mark_dirty(buffers[i]));
        OK(kaio_bufio_release(buffers[i]));
    }
    // All are dirty now.
    for (int i = 200; i < 1000; i++) {
        VERIFY(READ(client, (uint64_t)i, &one), size, 1, (uint64_t)i * size);
        OK(kaio_bufio_release(one));
    }
    for (int i = 0; i < 1000; i++) {
        VERIFY(READ(client, (uint64_t)i, &one), size, i < 200 ? 2 : 1, (uint64_t)i * size);
        OK(kaio_bufio_release(one));
    }
    OK(kaio_bufio_destroy(client));
    OK(kaio_disconnect(connection));
}
