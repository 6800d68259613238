// holds: kaio_bufio_read gives the block's data, reads it once, and holds it until as many releases; get gives what is there and never waits; the last block of a file is filled up with zeroes.
// source: kaio
// modes: linked
#include "bufio.h"

int main(void) {
    deadline(50);
    for (int direct = 0; direct < 2; direct++) {
        kaio_connection *connection = connected(STACK, NULL);
        kaio_file *file = opened(connection, direct ? "direct" : "data", direct ? O_DIRECT : 0, 4 * size + 100, 1);
        kaio_bufio *client = client_of(file);
        kaio_bufio_buffer *first, *again, *got;
        EQUAL(kaio_bufio_block_size(client), size);
        EQUAL(kaio_bufio_device_size(client), 5);
        IS_NULL(kaio_bufio_get(client, 0, &got), EAGAIN);
        struct kaio_bufio_counts before = counts_of(client);
        unsigned char *data = READ(client, 0, &first);
        VERIFY(data, size, 1, 0);
        EQUAL(counts_of(client).misses, before.misses + 1);
        EQUAL(counts_of(client).hits, before.hits);
        EQUAL(kaio_bufio_block(first), 0);
        CHECK(kaio_bufio_data(first) == data && kaio_bufio_client(first) == client);
        IS_NULL(kaio_bufio_user(first), 0);
        before = counts_of(client);
        EQUAL(before.held, 1);
        CHECK(READ(client, 0, &again) == data);
        CHECK(kaio_bufio_get(client, 0, &got) == data);
        EQUAL(counts_of(client).misses, before.misses);
        EQUAL(counts_of(client).hits, before.hits + 2);
        OK(kaio_bufio_release(first));
        OK(kaio_bufio_release(again));
        EQUAL(counts_of(client).held, 1);
        OK(kaio_bufio_release(got));
        EQUAL(counts_of(client).held, 0);
        // What was released is still there.
        CHECK(kaio_bufio_get(client, 0, &got) == data);
        OK(kaio_bufio_release(got));
        data = READ(client, 4, &first);
        VERIFY(data, 100, 1, 4 * size);
        for (int i = 100; i < size; i++) EQUAL(data[i], 0);
        OK(kaio_bufio_release(first));
        // A request of the file finds the same, and the other way round.
        unsigned char *block = aligned_buffer(2 * size);
        struct aiocb control = request(-1, block, 2 * size, 2 * size);
        OK(kaio_aio_read(file, &control));
        const struct aiocb *list[] = {&control};
        OK(kaio_aio_suspend(connection, list, 1, NULL));
        EQUAL(kaio_aio_return(file, &control), 2 * size);
        // With O_DIRECT, too.
        CHECK((data = kaio_bufio_get(client, 3, &got)) != NULL);
        VERIFY(data, size, 1, 3 * size);
        OK(kaio_bufio_release(got));
        OK(kaio_bufio_destroy(client));
        OK(kaio_close(file));
        OK(kaio_disconnect(connection));
    }
}
