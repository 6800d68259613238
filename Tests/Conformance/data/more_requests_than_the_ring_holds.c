// holds: With the smallest ring thousands of requests wait in the library, are all done, and notify as asked.
// source: kaio
// environment: KAIO_RING=1
// limit: 60
#include "../check.h"

enum { count = 3000, size = 4096 };
static struct aiocb controls[count];
static atomic_int called;

static void finished(union sigval value) { called += value.sival_int; }

int main(void) {
    int descriptor = scratch_file(O_DIRECT);
    unsigned char *blocks = aligned_buffer(count * size);
    write_pattern(descriptor, count * size, 2, 0);
    for (int round = 0; round < 2; round++) {
        memset(blocks, 0, count * size);
        for (int i = 0; i < count; i++) {
            int place = i * 1009 % count;
            controls[i] = request(descriptor, blocks + place * size, size, (off_t)place * size);
            if (i % 10 == 0) {
                controls[i].aio_sigevent.sigev_notify = SIGEV_THREAD;
                controls[i].aio_sigevent.sigev_notify_function = finished;
                controls[i].aio_sigevent.sigev_value.sival_int = 1;
            }
            OK(aio_read(&controls[i]));
        }
        // The second time nobody looks until the functions have told of theirs.
        if (round == 1) for (double end = now() + 30; called < count / 5 && now() < end;) sleep_for(0.01);
        for (int i = count - 1; i >= 0; i--) {
            EQUAL(wait_for(&controls[i], 30), 0);
            EQUAL(aio_return(&controls[i]), size);
        }
        VERIFY(blocks, count * size, 2, 0);
        for (double end = now() + 10; called < (round + 1) * count / 10 && now() < end;) sleep_for(0.001);
        EQUAL(called, (round + 1) * count / 10);
    }
}
