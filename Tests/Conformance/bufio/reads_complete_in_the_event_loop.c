// holds: kaio_bufio_read_async begins a read, whose completion comes by dispatch like any other; finish then gives the held block, once, whether it was there or not; cancelled or unfinished ones keep nothing.
// source: kaio
// modes: linked
#include "bufio.h"

enum { count = 64 };
static kaio_bufio *client;
static int done;

static void completed(kaio_file *file, struct aiocb *control, void *argument) {
    kaio_bufio_buffer *buffer;
    uint64_t number = (uint64_t)(uintptr_t)argument;
    EQUAL(kaio_aio_error(file, control), 0);
    unsigned char *data = kaio_bufio_finish(client, control, &buffer);
    CHECK(data && kaio_bufio_block(buffer) == number);
    VERIFY(data, size, 1, number * size);
    IS_NULL(kaio_bufio_finish(client, control, &buffer), EINVAL);
    OK(kaio_bufio_release(kaio_bufio_get(client, number, &buffer) ? buffer : NULL));
    OK(kaio_bufio_release(buffer));
    done++;
}
static void end(void) { FAILS(kaio_bufio_destroy(client), EBUSY); }

int main(void) {
    deadline(50);
    for (int direct = 0; direct < 2; direct++) {
        kaio_connection *connection = connected(STACK, NULL);
        kaio_file *file = opened(connection, direct ? "direct" : "data", direct ? O_DIRECT : 0, count * size, 1);
        client = client_of(file);
        static struct aiocb controls[count];
        // Half of them twice, and then once more, from memory.
        for (int round = 0; round < 3; round++) {
            done = 0;
            for (int i = 0; i < count; i++) {
                uint64_t number = (uint64_t)(round == 1 ? i / 2 : i);
                controls[i] = request(-1, NULL, 0, 0);
                kaio_set_callback(&controls[i], completed, (void *)(uintptr_t)number);
                OK(kaio_bufio_read_async(client, number, &controls[i]));
            }
            while (done < count) {
                struct pollfd poll_one = {kaio_connection_fd(connection), POLLIN, 0};
                CHECK(poll(&poll_one, 1, 10000) >= 0);
                CHECK(kaio_connection_dispatch(connection, 0) >= 0);
            }
            EQUAL(counts_of(client).held, 0);
        }
        FAILS(kaio_bufio_read_async(client, count, &controls[0]), ENXIO);
        controls[0] = request(-1, NULL, 0, 0);
        OK(kaio_bufio_read_async(client, 1, &controls[0]));
        CHECK(strstr(said(end), "block 1 ") || counts_of(client).held == 0);
        const struct aiocb *list[] = {&controls[0]};
        OK(kaio_aio_suspend(connection, list, 1, NULL));
        kaio_bufio_buffer *buffer;
        IS_NULL(kaio_bufio_finish(client, &controls[1], &buffer), EINVAL);
        CHECK(kaio_bufio_finish(client, &controls[0], &buffer));
        OK(kaio_bufio_release(buffer));
        OK(kaio_bufio_destroy(client));
        OK(kaio_disconnect(connection));
    }
}
