// holds: aio_waitcomplete gives the oldest completion first, each once; aio_error and aio_return give its result again.
// source: kaio
// modes: linked
#include "../check.h"
#include "../../../include/kaio.h"

enum { count = 100 };

int main(void) {
    static struct aiocb controls[count];
    static int ends[count][2];
    static char bytes[count][count];
    for (int i = 0; i < count; i++) {
        open_pipe(ends[i]);
        controls[i] = request(ends[i][0], bytes[i], count, 0);
        OK(aio_read(&controls[i]));
    }
    // Completed in an order that is not that of the calls, each with a result of its own.
    for (int i = 0; i < count; i++) {
        int next = i * 37 % count;
        if (next == 0) {
            EQUAL(aio_cancel(ends[0][0], NULL), AIO_CANCELED);
        } else {
            EQUAL(write(ends[next][1], bytes[0], (size_t)next), next);
            EQUAL(wait_for(&controls[next], 10), 0);
        }
    }
    for (int i = 0; i < count; i++) {
        int next = i * 37 % count;
        struct aiocb *done = NULL;
        if (next == 0) FAILS(aio_waitcomplete(&done, NULL), ECANCELED);
        else EQUAL(aio_waitcomplete(&done, NULL), next);
        EQUAL(done - controls, next);
        EQUAL(aio_error(done), next == 0 ? ECANCELED : 0);
        EQUAL(aio_return(done), next == 0 ? -1 : next);
    }
    struct aiocb *done = controls;
    FAILS(aio_waitcomplete(&done, NULL), EWOULDBLOCK);
    CHECK(done == NULL);
    return 0;
}
