// holds: There are never more worker threads than KAIO_WORKERS; what finds none free waits for one.
// source: kaio
// environment: KAIO_WORKERS=3 "KAIO_VFS_OBJECTS=ordered aio_pthread"
#include "../check.h"

static int count_workers(void) { return count_threads_named("kaio-worker"); }

int main(void) {
    enum { count = 20 };
    int ends[count][2];
    char bytes[count];
    struct aiocb controls[count];
    for (int i = 0; i < count; i++) {
        open_pipe(ends[i]);
        controls[i] = request(ends[i][0], &bytes[i], 1, 0);
        OK(aio_read(&controls[i]));
    }
    double end = now() + 10;
    while (count_workers() != 3 && now() < end) sleep_for(0.01);
    sleep_for(0.2);
    EQUAL(count_workers(), 3);
    for (int i = 0; i < count; i++) {
        EQUAL(write(ends[i][1], "x", 1), 1);
        EQUAL(FINISH(&controls[i]), 1);
        CHECK(count_workers() <= 3);
    }
}
