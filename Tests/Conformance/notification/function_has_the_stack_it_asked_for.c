// holds: sigev_notify_attributes are honoured: the function may use the stack that they name; without them, a usual one.
// source: aio.h
#include "../check.h"

static atomic_int done;

// Touches a stack of this many bytes.
static __attribute__((noinline)) int use_stack(size_t size) {
    volatile char bytes[size];
    for (size_t i = 0; i < size; i += 1024) bytes[i] = 1;
    return bytes[0] + bytes[size / 2 / 1024 * 1024];
}

static void finished(union sigval value) {
    if (use_stack((size_t)value.sival_int) == 2) done++;
}

int main(void) {
    pthread_attr_t attributes;
    OK(pthread_attr_init(&attributes));
    OK(pthread_attr_setstacksize(&attributes, 32 << 20));
    int descriptor = scratch_file(0);
    char block[512] = {0};
    for (int i = 0; i < 6; i++) {
        struct aiocb control = request(descriptor, block, sizeof block, 0);
        control.aio_sigevent.sigev_notify = SIGEV_THREAD;
        control.aio_sigevent.sigev_notify_function = finished;
        control.aio_sigevent.sigev_notify_attributes = i % 2 ? &attributes : NULL;
        control.aio_sigevent.sigev_value.sival_int = i % 2 ? 30 << 20 : 1 << 20;
        OK(aio_write(&control));
        for (double end = now() + 10; done <= i && now() < end;) sleep_for(0.001);
        EQUAL(done, i + 1);
        EQUAL(FINISH(&control), sizeof block);
    }
}
