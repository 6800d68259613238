// holds: lio_listio with LIO_WAIT returns 0 when all requests of the list are done and succeeded.
// source: lio_listio
#include "../check.h"

#define COUNT 16

static int ends[2];
static void *writer(void *unused) {
    for (int i = 0; i < COUNT; i++) {
        sleep_for(0.005);
        EQUAL(write(ends[1], "x", 1), 1);
    }
    return unused;
}

int main(void) {
    static char bytes[COUNT];
    struct aiocb controls[COUNT], *list[COUNT];
    pthread_t thread;
    OK(pipe(ends));
    for (int i = 0; i < COUNT; i++) {
        controls[i] = request(ends[0], &bytes[i], 1, 0);
        controls[i].aio_lio_opcode = LIO_READ;
        list[i] = &controls[i];
    }
    OK(pthread_create(&thread, NULL, writer, NULL));
    OK(lio_listio(LIO_WAIT, list, COUNT, NULL));
    for (int i = 0; i < COUNT; i++) {
        EQUAL(aio_error(&controls[i]), 0);
        EQUAL(aio_return(&controls[i]), 1);
    }
    OK(pthread_join(thread, NULL));
    return 0;
}
