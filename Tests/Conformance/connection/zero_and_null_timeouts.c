// holds: A zero timeout only looks, a null one waits for ever; one that is none is EINVAL.
// source: kaio
// modes: linked
#include "../connection.h"

int main(void) {
    struct waiting waiting;
    begin_waiting(&waiting);
    struct timespec zero = {0, 0}, bad = {0, 1000000000};
    int64_t start = nanoseconds();
    FAILS(kaio_aio_suspend(waiting.connection, waiting.list, 1, &zero), EAGAIN);
    CHECK(nanoseconds() - start < 100000000);
    FAILS(kaio_aio_suspend(waiting.connection, waiting.list, 1, &bad), EINVAL);
    pthread_t writer;
    OK(pthread_create(&writer, NULL, write_later, &waiting.end));
    OK(kaio_aio_suspend(waiting.connection, waiting.list, 1, NULL));
    OK(pthread_join(writer, NULL));
    OK(kaio_aio_suspend(waiting.connection, waiting.list, 1, &zero));
    EQUAL(kaio_aio_return(waiting.file, &waiting.control), 1);
    // Zero timeouts alone see a completion.
    OK(kaio_aio_read(waiting.file, &waiting.control));
    EQUAL(write(waiting.end, "x", 1), 1);
    double limit = now() + 5;
    while (kaio_aio_suspend(waiting.connection, waiting.list, 1, &zero) != 0) CHECK(now() < limit);
    OK(kaio_disconnect(waiting.connection));
}
