// holds: aio_suspend waits until at least one request of its list is done, wherever in the list it stands.
// source: aio_suspend
#include "../check.h"

#define COUNT 8

static int ends[COUNT][2], next;

static void *writer(void *unused) {
    sleep_for(0.05);
    EQUAL(write(ends[next][1], "x", 1), 1);
    return unused;
}

int main(void) {
    char bytes[COUNT];
    struct aiocb controls[COUNT];
    const struct aiocb *list[COUNT];
    for (int i = 0; i < COUNT; i++) {
        OK(pipe(ends[i]));
        controls[i] = request(ends[i][0], &bytes[i], 1, 0);
        list[i] = &controls[i];
        OK(aio_read(&controls[i]));
    }
    for (next = 0; next < COUNT; next++) {
        pthread_t thread;
        OK(pthread_create(&thread, NULL, writer, NULL));
        OK(aio_suspend(list, COUNT, NULL));
        for (int i = 0; i < COUNT; i++) EQUAL(aio_error(&controls[i]), i == next ? 0 : EINPROGRESS);
        EQUAL(aio_return(&controls[next]), 1);
        OK(aio_read(&controls[next]));
        OK(pthread_join(thread, NULL));
    }
    return 0;
}
