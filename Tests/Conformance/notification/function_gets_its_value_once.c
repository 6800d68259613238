// holds: SIGEV_THREAD calls the function once for each request, with its value, on another thread, after the status is visible.
// source: aio.h
#include "../check.h"

enum { count = 200 };
static struct aiocb controls[count];
static char blocks[count][512];
static atomic_int calls[count], done, wrong;
static pthread_t submitter;

static void finished(union sigval value) {
    struct aiocb *control = value.sival_ptr;
    if (pthread_equal(pthread_self(), submitter) || aio_error(control) != 0 || aio_return(control) != 512)
        wrong++;
    calls[control - controls]++;
    done++;
}

int main(void) {
    submitter = pthread_self();
    int descriptor = scratch_file(0);
    for (int i = 0; i < count; i++) {
        fill(blocks[i], 512, 6, (uint64_t)i * 512);
        controls[i] = request(descriptor, blocks[i], 512, i * 512);
        controls[i].aio_sigevent.sigev_notify = SIGEV_THREAD;
        controls[i].aio_sigevent.sigev_notify_function = finished;
        controls[i].aio_sigevent.sigev_value.sival_ptr = &controls[i];
        OK(aio_write(&controls[i]));
    }
    for (double end = now() + 15; done < count && now() < end;) sleep_for(0.01);
    sleep_for(0.1);
    EQUAL(done, count);
    EQUAL(wrong, 0);
    for (int i = 0; i < count; i++) EQUAL(calls[i], 1);
    char block[512];
    for (int i = 0; i < count; i++) {
        EQUAL(pread(descriptor, block, 512, i * 512), 512);
        VERIFY(block, 512, 6, (uint64_t)i * 512);
    }
}
