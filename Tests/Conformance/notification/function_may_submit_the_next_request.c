// holds: A notification function may do what a thread may: here each submits the next request, waits, and returns.
// source: aio.h
#include "../check.h"

enum { count = 200 };
static struct aiocb control;
static int descriptor;
static char block[512];
static atomic_int step, wrong;

static void submit_next(union sigval value) {
    char other[512];
    struct aiocb reading = request(descriptor, other, sizeof other, 0);
    if (aio_error(&control) != 0 || aio_return(&control) != sizeof block) wrong++;
    if (aio_read(&reading) != 0 || wait_for(&reading, 10) != 0 || aio_return(&reading) <= 0) wrong++;
    int next = value.sival_int + 1;
    if (next < count) {
        control.aio_offset = next * 512;
        control.aio_sigevent.sigev_value.sival_int = next;
        if (aio_write(&control) != 0) wrong++;
    }
    step++;
}

int main(void) {
    descriptor = scratch_file(0);
    control = request(descriptor, block, sizeof block, 0);
    control.aio_sigevent.sigev_notify = SIGEV_THREAD;
    control.aio_sigevent.sigev_notify_function = submit_next;
    OK(aio_write(&control));
    for (double end = now() + 15; step < count && now() < end;) sleep_for(0.01);
    EQUAL(step, count);
    EQUAL(wrong, 0);
    EQUAL(lseek(descriptor, 0, SEEK_END), count * 512);
}
