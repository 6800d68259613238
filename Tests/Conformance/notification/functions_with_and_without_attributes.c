// holds: Notification functions with attributes of their own and without take turns; none is forgotten.
// source: aio.h
#include "../check.h"

enum { count = 60 };
static atomic_int calls[count], done;

static void finished(union sigval value) {
    calls[value.sival_int]++;
    done++;
}

int main(void) {
    pthread_attr_t attributes[2];
    for (int i = 0; i < 2; i++) {
        OK(pthread_attr_init(&attributes[i]));
        OK(pthread_attr_setstacksize(&attributes[i], 1 << 20));
        OK(pthread_attr_setdetachstate(&attributes[i], i ? PTHREAD_CREATE_DETACHED : PTHREAD_CREATE_JOINABLE));
    }
    int descriptor = scratch_file(0);
    char block[512] = {0};
    struct aiocb controls[count];
    for (int i = 0; i < count; i++) {
        controls[i] = request(descriptor, block, sizeof block, i * 512);
        controls[i].aio_sigevent.sigev_notify = SIGEV_THREAD;
        controls[i].aio_sigevent.sigev_notify_function = finished;
        controls[i].aio_sigevent.sigev_notify_attributes = i % 3 ? &attributes[i % 3 - 1] : NULL;
        controls[i].aio_sigevent.sigev_value.sival_int = i;
        OK(aio_write(&controls[i]));
        // Sometimes one at a time, sometimes several at once.
        if (i / 10 % 2) for (double end = now() + 10; done <= i && now() < end;) sleep_for(0.001);
    }
    for (double end = now() + 10; done < count && now() < end;) sleep_for(0.01);
    for (int i = 0; i < count; i++) {
        EQUAL(calls[i], 1);
        EQUAL(FINISH(&controls[i]), sizeof block);
    }
}
