// holds: A thread that is cancelled in close unwinds the program's frames (-fexceptions, C++), in a program that uses no AIO too; the descriptor stays open.
// source: close
// flags: -fexceptions
#include "../check.h"
#include "../unwound.h"

static int ends[2];
static _Atomic int ready, cancelled;

static void *closer(void *unused) {
    __attribute__((cleanup(destroy))) int guard UNUSED = 0;
    pthread_cleanup_push(handle, NULL);
    OK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL));
    ready = 1;
    while (!cancelled) sleep_for(0.001);
    OK(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL));
    close(ends[0]);
    pthread_cleanup_pop(0);
    return unused;
}

int main(void) {
    char byte;
    for (int round = 0; round < 3; round++) {
        pthread_t thread;
        void *result;
        OK(pipe(ends));
        struct aiocb control = request(ends[0], &byte, 1, 0);
        if (round > 0) OK(aio_read(&control));
        destroyed = handled = 0;
        cancelled = 0;
        ready = 0;
        OK(pthread_create(&thread, NULL, closer, NULL));
        while (!ready) sleep_for(0.001);
        OK(pthread_cancel(thread));
        cancelled = 1;
        OK(pthread_join(thread, &result));
        CHECK(result == PTHREAD_CANCELED);
        EQUAL(destroyed, 1);
        EQUAL(handled, 1);
        if (round > 0) {
            EQUAL(aio_error(&control), EINPROGRESS);
            EQUAL(write(ends[1], "x", 1), 1);
            EQUAL(FINISH(&control), 1);
        }
        OK(close(ends[0]));
        OK(close(ends[1]));
    }
    return 0;
}
