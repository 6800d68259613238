// holds: kaio_disconnect ends what is in flight, calls the callbacks that are due, closes the files, and leaves no descriptor and no thread.
// source: kaio
// modes: linked
#include "../connection.h"

int main(void) {
    enum { count = 16 };
    int descriptors = count_descriptors();
    for (int round = 0; round < 5; round++) {
        kaio_connection *connection = connected(NULL, NULL);
        struct aiocb controls[count];
        char bytes[count];
        int ends[count];
        called = 0;
        for (int i = 0; i < count; i++) {
            kaio_file *pipe;
            ends[i] = opened_pipe(connection, &pipe);
            controls[i] = request(-1, &bytes[i], 1, 0);
            kaio_set_callback(&controls[i], count_call, &controls[i]);
            OK(kaio_aio_read(pipe, &controls[i]));
        }
        opened(connection, "data", 0, 4096, 1);
        OK(kaio_disconnect(connection));
        EQUAL(called, count);
        for (int i = 0; i < count; i++) {
            EQUAL(aio_error(&controls[i]), ECANCELED);
            close(ends[i]);
        }
        EQUAL(count_descriptors(), descriptors);
        EQUAL(count_threads(), 1);
    }
    FAILS(kaio_disconnect(NULL), EINVAL);
}
