// holds: A notification function may end with pthread_exit; later notifications come all the same.
// source: aio.h
#include "../check.h"

static atomic_int done;

static void finished(union sigval value) {
    (void)value;
    done++;
    pthread_exit(NULL);
}

int main(void) {
    int descriptor = scratch_file(0);
    char block[512] = {0};
    for (int i = 1; i <= 50; i++) {
        struct aiocb control = request(descriptor, block, sizeof block, 0);
        control.aio_sigevent.sigev_notify = SIGEV_THREAD;
        control.aio_sigevent.sigev_notify_function = finished;
        OK(aio_write(&control));
        for (double end = now() + 10; done < i && now() < end;) sleep_for(0.001);
        EQUAL(done, i);
        EQUAL(FINISH(&control), sizeof block);
    }
}
