// holds: aio_waitcomplete and aio_waitn act on a cancellation that came before, though they need not wait, and take nothing; not while cancellation is disabled.
// source: kaio
// modes: linked
#include "../check.h"
#include "../../../include/kaio.h"

static struct aiocb controls[2];
static atomic_int is_cancelled;

static int wait_once(int use_list, struct aiocb **done) {
    unsigned int wanted = 1;
    return use_list ? aio_waitn(done, 1, &wanted, NULL) : (int)aio_waitcomplete(done, NULL);
}

static void *call(void *use_list) {
    struct aiocb *done;
    int state;
    OK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state));
    while (!is_cancelled) sched_yield();
    EQUAL(wait_once(use_list != NULL, &done), 0);
    CHECK(done == &controls[0]);
    OK(pthread_setcancelstate(state, NULL));
    wait_once(use_list != NULL, &done);
    failed(__FILE__, __LINE__, "went on");
}

int main(void) {
    int descriptor = scratch_file(0);
    for (int i = 0; i < 2; i++) {
        pthread_t thread;
        void *result;
        struct aiocb *done;
        is_cancelled = 0;
        for (int j = 0; j < 2; j++) {
            controls[j] = request(descriptor, NULL, 0, 0);
            OK(aio_fsync(O_SYNC, &controls[j]));
            EQUAL(wait_for(&controls[j], 10), 0);
        }
        OK(pthread_create(&thread, NULL, call, i ? controls : NULL));
        OK(pthread_cancel(thread));
        is_cancelled = 1;
        OK(pthread_join(thread, &result));
        CHECK(result == PTHREAD_CANCELED);
        EQUAL(aio_waitcomplete(&done, NULL), 0);
        CHECK(done == &controls[1]);
    }
    return 0;
}
