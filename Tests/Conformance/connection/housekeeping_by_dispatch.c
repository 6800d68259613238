// holds: KAIO_IDLE_SECONDS after the last request, not before, dispatch gives everything back without a thread; the next request works, and the end of the last connection leaves nothing.
// source: kaio
// environment: KAIO_IDLE_SECONDS=1
// modes: linked
#include "../connection.h"

int main(void) {
    int before = count_descriptors();
    kaio_connection *connection = connected(NULL, NULL);
    kaio_file *file = opened(connection, "data", O_DIRECT, 4096, 1);
    char *buffer = aligned_buffer(4096);
    int own = count_descriptors();
    for (int round = 0; round < 2; round++) {
        struct aiocb control = request(-1, buffer, 4096, 0);
        memset(buffer, 0, 4096);
        int64_t last = nanoseconds();
        OK(kaio_aio_read(file, &control));
        EQUAL(finished(connection, file, &control), 4096);
        VERIFY(buffer, 4096, 1, 0);
        EQUAL(count_contexts(), 1);
        double limit = now() + 10;
        while (count_contexts() != 0) {
            CHECK(now() < limit);
            if (is_readable(connection, 100)) CHECK(kaio_connection_dispatch(connection, 0) >= 0);
            EQUAL(count_threads(), 1);
        }
        CHECK(nanoseconds() - last >= 1000000000);
        CHECK(count_descriptors() < own);
    }
    struct aiocb control = request(-1, buffer, 4096, 0);
    OK(kaio_aio_read(file, &control));
    EQUAL(finished(connection, file, &control), 4096);
    EQUAL(count_contexts(), 1);
    OK(kaio_disconnect(connection));
    EQUAL(count_contexts(), 0);
    EQUAL(count_descriptors(), before);
    EQUAL(count_threads(), 1);
}
