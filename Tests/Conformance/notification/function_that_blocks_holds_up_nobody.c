// holds: A notification function is like the start of a new thread: one that waits does not hold up the others.
// source: aio.h
#include "../check.h"

#include <semaphore.h>

enum { count = 12 };
static sem_t go;
static atomic_int done;

// Each but the last waits until the last one has run.
static void finished(union sigval value) {
    if (value.sival_int == count - 1)
        for (int i = 0; i < count; i++) sem_post(&go);
    while (sem_wait(&go) != 0) {}
    done++;
}

int main(void) {
    OK(sem_init(&go, 0, 0));
    int descriptor = scratch_file(0);
    char block[512] = {0};
    struct aiocb controls[count];
    for (int i = 0; i < count; i++) {
        controls[i] = request(descriptor, block, sizeof block, i * 512);
        controls[i].aio_sigevent.sigev_notify = SIGEV_THREAD;
        controls[i].aio_sigevent.sigev_notify_function = finished;
        controls[i].aio_sigevent.sigev_value.sival_int = i;
        OK(aio_write(&controls[i]));
        EQUAL(wait_for(&controls[i], 10), 0);
    }
    for (double end = now() + 15; done < count && now() < end;) sleep_for(0.01);
    EQUAL(done, count);
    check_service();
}
