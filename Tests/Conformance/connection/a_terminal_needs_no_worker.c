// holds: A read of a terminal, or of a FIFO opened for both directions, that waits on a connection takes no worker: it can be cancelled, kaio_close ends it, and data come by dispatch or a wait.
// source: kaio
// modes: linked
#include "../connection.h"
#include <sys/stat.h>

// `end`: where to write so that `path` has data.
static void check_stream(const char *path, int end, const char *text) {
    kaio_connection *connection = connected(NULL, NULL);
    kaio_file *file = kaio_open(connection, path, O_RDWR | O_NOCTTY, 0);
    CHECK(file);
    char block[16];
    ssize_t length = (ssize_t)strlen(text);
    struct aiocb read = request(-1, block, sizeof block, 0);
    OK(kaio_aio_read(file, &read));
    EQUAL(is_readable(connection, 50), 0);
    EQUAL(kaio_aio_error(file, &read), EINPROGRESS);
    EQUAL(count_threads_named("kaio-worker"), 0);
    EQUAL(kaio_aio_cancel(file, &read), AIO_CANCELED);
    OK(all_of(connection, &read, 10));
    EQUAL(kaio_aio_error(file, &read), ECANCELED);
    EQUAL(kaio_aio_return(file, &read), -1);
    // By a wait.
    OK(kaio_aio_read(file, &read));
    EQUAL(write(end, text, (size_t)length), length);
    EQUAL(finished(connection, file, &read), length);
    // By dispatch.
    called = 0;
    kaio_set_callback(&read, count_call, &read);
    OK(kaio_aio_read(file, &read));
    EQUAL(write(end, text, (size_t)length), length);
    dispatch_until(connection, &called, 1);
    EQUAL(kaio_aio_return(file, &read), length);
    EQUAL(count_threads_named("kaio-worker"), 0);
    // By the end.
    read = request(-1, block, sizeof block, 0);
    OK(kaio_aio_read(file, &read));
    OK(kaio_close(file));
    EQUAL(aio_error(&read), ECANCELED);
    OK(kaio_disconnect(connection));
}

int main(void) {
    deadline(60);
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    check_stream(ptsname(master), master, "line\n");
    OK(mkfifo("fifo", 0600));
    int fifo = open("fifo", O_RDWR | O_CLOEXEC);
    CHECK(fifo >= 0);
    check_stream("fifo", fifo, "fifo");
}
