// holds: With fewer than *wanted in flight or complete aio_waitn fails with EAGAIN, and all that were are in the list.
// source: kaio
// modes: linked
#include "../check.h"
#include "../../../include/kaio.h"

static int ends[2];
static void *write_later(void *unused) {
    sleep_for(0.1);
    EQUAL(write(ends[1], "x", 1), 1);
    return unused;
}

int main(void) {
    struct timespec zero = {0, 0}, minute = {60, 0}, *timeouts[] = {NULL, &zero, &minute};
    struct aiocb *list[8];
    unsigned int wanted;
    for (int i = 0; i < 3; i++) {
        wanted = 1;
        FAILS(aio_waitn(list, 8, &wanted, timeouts[i]), EAGAIN);
        EQUAL(wanted, 0);
    }
    int descriptor = scratch_file(0);
    char bytes[3];
    write_pattern(descriptor, 2, 1, 0);
    open_pipe(ends);
    for (int i = 0; i < 3; i += 2) {
        struct aiocb controls[3] = {request(descriptor, &bytes[0], 1, 0), request(descriptor, &bytes[1], 1, 0),
                                    request(ends[0], &bytes[2], 1, 0)};
        pthread_t thread;
        for (int j = 0; j < 3; j++) OK(aio_read(&controls[j]));
        OK(pthread_create(&thread, NULL, write_later, NULL));
        wanted = 4;
        FAILS(aio_waitn(list, 8, &wanted, timeouts[i]), EAGAIN);
        EQUAL(wanted, 3);
        int seen = 0;
        for (int j = 0; j < 3; j++) {
            EQUAL(aio_error(list[j]), 0);
            EQUAL(aio_return(list[j]), 1);
            seen |= 1 << (list[j] - controls);
        }
        EQUAL(seen, 7);
        OK(pthread_join(thread, NULL));
    }
    return 0;
}
