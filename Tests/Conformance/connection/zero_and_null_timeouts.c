// holds: A zero timeout only looks, a null one waits for ever; one that is none is EINVAL.
// source: kaio
// modes: linked
#include "../connection.h"

static void *write_later(void *end) {
    sleep_for(0.2);
    EQUAL(write(*(int *)end, "x", 1), 1);
    return NULL;
}

int main(void) {
    kaio_connection *connection = connected(NULL, NULL);
    kaio_file *file;
    int end = opened_pipe(connection, &file);
    char byte;
    struct aiocb control = request(-1, &byte, 1, 0);
    const struct aiocb *list[1] = {&control};
    struct timespec zero = {0, 0}, bad = {0, 1000000000};
    OK(kaio_aio_read(file, &control));
    int64_t start = nanoseconds();
    FAILS(kaio_aio_suspend(connection, list, 1, &zero), EAGAIN);
    CHECK(nanoseconds() - start < 100000000);
    FAILS(kaio_aio_suspend(connection, list, 1, &bad), EINVAL);
    pthread_t writer;
    OK(pthread_create(&writer, NULL, write_later, &end));
    OK(kaio_aio_suspend(connection, list, 1, NULL));
    OK(pthread_join(writer, NULL));
    OK(kaio_aio_suspend(connection, list, 1, &zero));
    EQUAL(kaio_aio_return(file, &control), 1);
    // Zero timeouts alone see a completion.
    OK(kaio_aio_read(file, &control));
    EQUAL(write(end, "x", 1), 1);
    double limit = now() + 5;
    while (kaio_aio_suspend(connection, list, 1, &zero) != 0) CHECK(now() < limit);
    OK(kaio_disconnect(connection));
}
