// holds: Requests on a FIFO that kaio_open opened wait for data and for room, and are done by dispatch or a wait, without a thread; with O_NONBLOCK they end with EAGAIN; without aio_poll a worker does the same.
// source: kaio
// modes: linked
#include "../connection.h"
#include <sys/stat.h>

enum { large = 1 << 20 };

static char input[large], output[large];

static void transfer(const char *objects, int threads) {
    kaio_connection *connection = connected(objects, NULL);
    int plain = open("fifo", O_RDWR | O_CLOEXEC);
    CHECK(plain >= 0);
    kaio_file *reader = kaio_open(connection, "fifo", O_RDONLY, 0), *writer = kaio_open(connection, "fifo", O_WRONLY, 0);
    CHECK(reader && writer);
    struct aiocb read = request(-1, input, 4096, 0), write_all = request(-1, output, large, 0);

    called = 0;
    kaio_set_callback(&read, count_call, &read);
    OK(kaio_aio_read(reader, &read));
    EQUAL(is_readable(connection, 50), 0);
    EQUAL(kaio_aio_error(reader, &read), EINPROGRESS);
    EQUAL(write(plain, "hello", 5), 5);
    dispatch_until(connection, &called, 1);
    EQUAL(kaio_aio_return(reader, &read), 5);
    CHECK(memcmp(input, "hello", 5) == 0);
    if (threads == 1) EQUAL(count_threads(), 1);

    // Far more than there is room for: written whole, as the other side takes it.
    fill(output, large, 7, 0);
    kaio_set_callback(&write_all, count_call, &write_all);
    OK(kaio_aio_write(writer, &write_all));
    CHECK(kaio_aio_error(writer, &write_all) == EINPROGRESS);
    for (size_t done = 0; done < large;) {
        read = request(-1, input + done, large - done, 0);
        OK(kaio_aio_read(reader, &read));
        ssize_t count = finished(connection, reader, &read);
        CHECK(count > 0);
        done += (size_t)count;
        if (threads == 1) EQUAL(count_threads(), 1);
    }
    VERIFY(input, large, 7, 0);
    dispatch_until(connection, &called, 2);
    EQUAL(kaio_aio_return(writer, &write_all), large);

    // One that waits is cancelled by the close, if no worker has it.
    if (threads == 1) {
        read = request(-1, input, 1, 0);
        OK(kaio_aio_read(reader, &read));
        OK(kaio_close(reader));
        EQUAL(aio_error(&read), ECANCELED);
        kaio_file *hasty = kaio_open(connection, "fifo", O_RDONLY | O_NONBLOCK, 0);
        CHECK(hasty);
        read = request(-1, input, 1, 0);
        OK(kaio_aio_read(hasty, &read));
        OK(all_of(connection, &read, 10));
        EQUAL(kaio_aio_error(hasty, &read), EAGAIN);
        EQUAL(count_threads(), 1);
    }
    close(plain);
    OK(kaio_disconnect(connection));
}

int main(void) {
    OK(mkfifo("fifo", 0600));
    transfer(NULL, 1);
    transfer("ordered aio_poll", 1);
    transfer("ordered aio_linux", 0);
}
