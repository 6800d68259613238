// holds: A thread that is cancelled in lio_listio(LIO_WAIT) goes on until the list is complete, and ends afterwards, with its cleanup handlers: <aio.h> says that the call throws nothing.
// source: lio_listio
// flags: -fexceptions
#include "../check.h"
#include "../unwound.h"

enum { count = 4 };
static int ends[2];
static struct aiocb controls[count];
static char bytes[count];
static int result;

static void *waiter(void *unused) {
    struct aiocb *list[count];
    for (int i = 0; i < count; i++) list[i] = &controls[i];
    __attribute__((cleanup(destroy))) int guard UNUSED = 0;
    pthread_cleanup_push(handle, NULL);
    result = lio_listio(LIO_WAIT, list, count, NULL);
    pthread_testcancel();
    pthread_cleanup_pop(0);
    return unused;
}

int main(void) {
    for (int round = 0; round < 20; round++) {
        pthread_t thread;
        void *end;
        OK(pipe(ends));
        for (int i = 0; i < count; i++) {
            controls[i] = request(ends[0], &bytes[i], 1, 0);
            controls[i].aio_lio_opcode = LIO_READ;
        }
        result = -1;
        OK(pthread_create(&thread, NULL, waiter, NULL));
        // At every moment of the call.
        sleep_for(round < 10 ? 0.01 : 0.00002 * round);
        // Within it, however long the thread takes to begin.
        while (round < 10 && aio_error(&controls[count - 1]) != EINPROGRESS) sleep_for(0.001);
        OK(pthread_cancel(thread));
        if (round < 10) {
            sleep_for(0.02);
            EQUAL(pthread_tryjoin_np(thread, &end), EBUSY);
            EQUAL(aio_error(&controls[count - 1]), EINPROGRESS);
        }
        EQUAL(write(ends[1], "abcd", count), count);
        OK(pthread_join(thread, &end));
        CHECK(end == PTHREAD_CANCELED);
        EQUAL(result, 0);
        EQUAL(handled, round + 1);
        EQUAL(destroyed, round + 1);
        for (int i = 0; i < count; i++) EQUAL(FINISH(&controls[i]), 1);
        OK(close(ends[0]));
        OK(close(ends[1]));
    }
    return 0;
}
