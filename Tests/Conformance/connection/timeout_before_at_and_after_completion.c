// holds: A timeout before the completion gives EAGAIN, never early; one at or after it gives 0 as soon as all are complete.
// source: kaio
// modes: linked
#include "../connection.h"

int main(void) {
    kaio_connection *connection = connected(NULL, NULL);
    kaio_file *file;
    int end = opened_pipe(connection, &file);
    for (int round = 0; round < 3; round++) {
        char byte;
        struct aiocb control = request(-1, &byte, 1, 0);
        const struct aiocb *list[1] = {&control};
        OK(kaio_aio_read(file, &control));
        pthread_t writer;
        OK(pthread_create(&writer, NULL, write_later, &end));
        int64_t start = nanoseconds(), timeout = round == 0 ? 100000000 : round == 1 ? 200000000 : 5000000000;
        struct timespec time = interval(timeout);
        int result = kaio_aio_suspend(connection, list, 1, &time), error = errno;
        int64_t took = nanoseconds() - start;
        printf("round %d: %d after %.3f s\n", round, result, (double)took / 1e9);
        if (result != 0) {
            EQUAL(error, EAGAIN);
            CHECK(took >= timeout);
            CHECK(round < 2);
        } else {
            CHECK(took >= 150000000);
            CHECK(took < 4000000000);
            CHECK(round > 0);
        }
        OK(pthread_join(writer, NULL));
        EQUAL(finished(connection, file, &control), 1);
    }
    OK(kaio_disconnect(connection));
}
