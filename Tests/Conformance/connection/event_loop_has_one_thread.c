// holds: A program that waits for its connection's descriptor and dispatches has no second thread while the kernel does the requests.
// source: kaio
// modes: linked
#include "../connection.h"

enum { count = 64, size = 16384 };
static struct aiocb controls[count];
static int rounds[count], done;

static void again(kaio_file *file, struct aiocb *control, void *argument) {
    int index = (int)(control - controls);
    CHECK(argument == &rounds[index]);
    EQUAL(kaio_aio_error(file, control), 0);
    EQUAL(kaio_aio_return(file, control), size);
    VERIFY((void *)control->aio_buf, size, 1, (uint64_t)control->aio_offset);
    EQUAL(count_threads(), 1);
    done++;
    if (++rounds[index] == 5) return;
    control->aio_offset = (control->aio_offset + size) % (count * size);
    OK(kaio_aio_read(file, control));
}

int main(void) {
    kaio_connection *connection = connected(NULL, NULL);
    EQUAL(count_threads(), 1);
    for (int direct = 0; direct < 2; direct++) {
        kaio_file *file = opened(connection, "data", direct ? O_DIRECT : 0, count * size, 1);
        memset(rounds, 0, sizeof rounds);
        done = 0;
        for (int i = 0; i < count; i++) {
            controls[i] = request(-1, aligned_buffer(size), size, i * size);
            kaio_set_callback(&controls[i], again, &rounds[i]);
            OK(kaio_aio_read(file, &controls[i]));
        }
        dispatch_until(connection, &done, 5 * count);
        OK(kaio_close(file));
        EQUAL(done, 5 * count);
        EQUAL(count_threads(), 1);
    }
    OK(kaio_disconnect(connection));
    EQUAL(count_threads(), 1);
}
