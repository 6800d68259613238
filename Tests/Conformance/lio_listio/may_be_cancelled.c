// holds: A thread that is cancelled in lio_listio(LIO_WAIT) ends; the requests complete, though the list is gone.
// source: lio_listio
// compare: no
// limit: 40
#define NEEDS_KAIO
#include "../check.h"

static int ends[2], ready[2];
static struct aiocb controls[4];
static char bytes[4];

static void *waiter(void *unused) {
    struct aiocb *list[4];
    for (int i = 0; i < 4; i++) {
        controls[i] = request(ends[0], &bytes[i], 1, 0);
        controls[i].aio_lio_opcode = LIO_READ;
        list[i] = &controls[i];
    }
    EQUAL(write(ready[1], "r", 1), 1);
    lio_listio(LIO_WAIT, list, 4, NULL);
    return unused;
}

int main(void) {
    OK(pipe(ends));
    OK(pipe(ready));
    for (int round = 0; round < 200; round++) {
        pthread_t thread;
        char byte;
        void *result;
        OK(pthread_create(&thread, NULL, waiter, NULL));
        EQUAL(read(ready[0], &byte, 1), 1);
        // The thread may be cancelled before it queues anything only if the call acts on that at its start.
        for (double end = now() + 10; aio_error(&controls[3]) != EINPROGRESS && now() < end;) sleep_for(0.0005);
        OK(pthread_cancel(thread));
        OK(pthread_join(thread, &result));
        CHECK(result == PTHREAD_CANCELED);
        for (int i = 0; i < 4; i++) EQUAL(aio_error(&controls[i]), EINPROGRESS);
        EQUAL(write(ends[1], "abcd", 4), 4);
        for (int i = 0; i < 4; i++) EQUAL(FINISH(&controls[i]), 1);
    }
    return 0;
}
