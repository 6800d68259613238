// holds: "aio_linux:aio num events" is how many requests of a connection the kernel has at a time; the others wait, in order, and can be cancelled.
// source: kaio
// modes: linked
#include "../connection.h"

enum { count = 64, size = 1 << 20 };
static struct aiocb controls[count];

// Returns how many of those submitted could be taken back.
static int run(const char *parameters) {
    kaio_connection *connection = connected("aio_linux", parameters);
    kaio_file *file = opened(connection, "data", O_DIRECT, count * size, 1);
    static unsigned char *buffers;
    if (!buffers) buffers = aligned_buffer(count * size);
    for (int i = 0; i < count; i++) {
        controls[i] = request(-1, buffers + (size_t)i * size, size, (off_t)i * size);
        OK(kaio_aio_read(file, &controls[i]));
    }
    int cancelled = 0;
    for (int i = count - 1; i >= count / 2; i--)
        cancelled += kaio_aio_cancel(file, &controls[i]) == AIO_CANCELED;
    for (int i = 0; i < count; i++) {
        OK(all_of(connection, &controls[i], 10));
        if (kaio_aio_error(file, &controls[i]) == ECANCELED) continue;
        EQUAL(kaio_aio_error(file, &controls[i]), 0);
        EQUAL(kaio_aio_return(file, &controls[i]), size);
        VERIFY(buffers + (size_t)i * size, size, 1, (uint64_t)i * size);
    }
    OK(kaio_disconnect(connection));
    return cancelled;
}

int main(void) {
    EQUAL(run(NULL), 0);
    CHECK(run("aio_linux:aio num events = 1") > 0);
    EQUAL(run("AIO_Linux:AioNumEvents = 64"), 0);
}
