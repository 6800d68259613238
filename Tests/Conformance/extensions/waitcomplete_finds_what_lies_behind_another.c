// holds: aio_waitcomplete without a timeout gives something as long as there is a result that nobody took, whatever other threads publish at that moment.
// source: kaio
// modes: linked
// limit: 60
#include "../check.h"
#include "../../../include/kaio.h"

enum { threads = 4, size = 512 };

static int file;
static double end;

// Each thread takes as many as it makes, so there is one for each that waits.
static void *make_and_take(void *result) {
    while (now() < end) {
        struct aiocb *control = malloc(sizeof *control), *given;
        *control = request(file, malloc(size), size, 0);
        OK(aio_read(control));
        EQUAL(aio_waitcomplete(&given, NULL), size);
        free((void *)given->aio_buf);
        free(given);
    }
    return result;
}

int main(void) {
    pthread_t started[threads];
    file = scratch_file(0);
    write_pattern(file, size, 1, 0);
    end = now() + 3;
    for (int i = 0; i < threads; i++) OK(pthread_create(&started[i], NULL, make_and_take, NULL));
    for (int i = 0; i < threads; i++) OK(pthread_join(started[i], NULL));
}
