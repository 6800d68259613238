// holds: A request that waits for one of another connection goes on without that connection's dispatch.
// source: kaio
// modes: linked
#include "../connection.h"

enum { large = 4 << 20, small = 4096 };

// Only the second connection is dispatched.
static void read_behind_write(kaio_connection *one, kaio_file *file, kaio_connection *two, kaio_file *same) {
    static void *written, *read;
    if (!written) written = aligned_buffer(large), read = aligned_buffer(small);
    struct aiocb write = request(-1, written, large, 0), behind = request(-1, read, small, 0);
    called = 0;
    kaio_set_callback(&behind, count_call, &behind);
    OK(kaio_aio_write(file, &write));
    OK(kaio_aio_read(same, &behind));
    dispatch_until(two, &called, 1);
    EQUAL(kaio_aio_return(same, &behind), small);
    EQUAL(finished(one, file, &write), large);
}

int main(void) {
    deadline(50);
    kaio_connection *one = connected(NULL, NULL);
    kaio_file *file = opened(one, "data", O_DIRECT, large, 1);
    kaio_connection *two = connected(NULL, NULL);
    kaio_file *same = kaio_open(two, "data", O_RDWR | O_DIRECT, 0);
    CHECK(same);
    for (int i = 0; i < 20; i++) read_behind_write(one, file, two, same);
    OK(kaio_disconnect(one));
    OK(kaio_disconnect(two));
}
