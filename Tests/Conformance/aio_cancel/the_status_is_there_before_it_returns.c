// holds: When aio_cancel says AIO_CANCELED or AIO_ALLDONE, aio_error no longer says EINPROGRESS, though data comes at the same moment; no byte is lost.
// source: FACTS musl (cancel reported before the status)
// limit: 40
#include "../check.h"

#define ROUNDS 3000

static int ends[2];
static pthread_barrier_t barrier;

static void *writer(void *unused) {
    for (int i = 0; i < ROUNDS; i++) {
        pthread_barrier_wait(&barrier);
        EQUAL(write(ends[1], "x", 1), 1);
    }
    return unused;
}

int main(void) {
    pthread_t thread;
    char bytes[2];
    int count[4] = {0}, late = 0;
    OK(pipe(ends));
    OK(pthread_barrier_init(&barrier, NULL, 2));
    OK(pthread_create(&thread, NULL, writer, NULL));
    for (int i = 0; i < ROUNDS; i++) {
        // The second is always in a queue; the first may be anywhere.
        struct aiocb first = request(ends[0], &bytes[0], 1, 0), second = request(ends[0], &bytes[1], 1, 0);
        bytes[0] = bytes[1] = 0;
        OK(aio_read(&first));
        OK(aio_read(&second));
        pthread_barrier_wait(&barrier);
        int received = 0;
        struct aiocb *controls[2] = {&second, &first};
        for (int j = 0; j < 2; j++) {
            int answer = aio_cancel(ends[0], controls[j]), status = aio_error(controls[j]);
            count[answer]++;
            if (answer == AIO_CANCELED) EQUAL(status, ECANCELED);
            else if (answer == AIO_ALLDONE) EQUAL(status, 0);
            else EQUAL(answer, AIO_NOTCANCELED);
        }
        // What was not cancelled waits for the byte, or has it; the next byte must find an empty pipe. Where a thread that had a read
        // in its hands lost the processor for longer than aio_cancel waits, that read waits again: for good, if the other has the byte.
        struct aiocb *waits = NULL;
        for (int j = 0; j < 2; j++) {
            int error = wait_for(controls[j], 5);
            if (error == EINPROGRESS) {
                if (waits) failed(__FILE__, __LINE__, "round %d: two reads that were not cancelled never end", i);
                waits = controls[j];
            } else if (error == 0) {
                EQUAL(aio_return(controls[j]), 1);
                EQUAL(bytes[1 - j], 'x');
                received++;
            } else {
                EQUAL(aio_return(controls[j]), -1);
                EQUAL(bytes[1 - j], 0);
            }
        }
        if (waits) {
            if (received == 0) failed(__FILE__, __LINE__, "round %d: a read that was not cancelled never ends", i);
            EQUAL(aio_cancel(ends[0], waits), AIO_CANCELED);
            EQUAL(aio_error(waits), ECANCELED);
            EQUAL(aio_return(waits), -1);
            late++;
        }
        if (received == 0) EQUAL(read(ends[0], bytes, 1), 1);
        else EQUAL(received, 1);
    }
    printf("%d cancelled, %d not, %d done, %d late\n", count[AIO_CANCELED], count[AIO_NOTCANCELED], count[AIO_ALLDONE], late);
    OK(pthread_join(thread, NULL));
    return 0;
}
