// holds: kaio_aio_cancel says AIO_CANCELED only of what never touches its buffer again; such a request ends with ECANCELED, and its callback is called once.
// source: kaio
// modes: linked
#include "../connection.h"

int main(void) {
    enum { count = 32, size = 1 << 20 };
    kaio_connection *connection = connected(NULL, NULL);
    kaio_file *file = opened(connection, "data", O_DIRECT, count * size, 1), *pipe;
    int end = opened_pipe(connection, &pipe);
    char byte = 0;
    struct aiocb waiting = request(-1, &byte, 1, 0);
    kaio_set_callback(&waiting, count_call, &waiting);
    OK(kaio_aio_read(pipe, &waiting));
    EQUAL(kaio_aio_cancel(pipe, &waiting), AIO_CANCELED);
    EQUAL(kaio_aio_error(pipe, &waiting), ECANCELED);
    EQUAL(kaio_aio_cancel(pipe, &waiting), AIO_ALLDONE);
    EQUAL(write(end, "x", 1), 1);
    dispatch_until(connection, &called, 1);
    EQUAL(kaio_aio_return(pipe, &waiting), -1);
    EQUAL(byte, 0);
    static struct aiocb controls[count];
    unsigned char *buffers = aligned_buffer(count * size);
    int answers[count], told[3] = {0, 0, 0};
    for (int i = 0; i < count; i++) {
        controls[i] = request(-1, buffers + (size_t)i * size, size, (off_t)i * size);
        OK(kaio_aio_read(file, &controls[i]));
    }
    for (int i = count - 1; i >= 0; i--) {
        answers[i] = kaio_aio_cancel(file, &controls[i]);
        int error = kaio_aio_error(file, &controls[i]);
        if (answers[i] == AIO_CANCELED) EQUAL(error, ECANCELED);
        else CHECK(error == 0 || (answers[i] == AIO_NOTCANCELED && error == EINPROGRESS));
    }
    for (int i = 0; i < count; i++) {
        OK(all_of(connection, &controls[i], 10));
        told[answers[i]]++;
        if (answers[i] == AIO_CANCELED) {
            EQUAL(kaio_aio_return(file, &controls[i]), -1);
            for (int at = 0; at < size; at++) EQUAL(buffers[(size_t)i * size + (size_t)at], 0);
        } else {
            EQUAL(kaio_aio_error(file, &controls[i]), 0);
            EQUAL(kaio_aio_return(file, &controls[i]), size);
            VERIFY(buffers + (size_t)i * size, size, 1, (uint64_t)i * size);
        }
    }
    printf("cancelled %d, not %d, done %d\n", told[AIO_CANCELED], told[AIO_NOTCANCELED], told[AIO_ALLDONE]);
    OK(kaio_disconnect(connection));
    EQUAL(called, 1);
}
