// holds: A pending timer keeps the library up; when all is idle the timer's descriptor is given back too, and the next request has one again.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=ordered delay_inject aio_linux aio_poll' KAIO_VFS_PARAMETERS=delay_inject:delay=1500ms KAIO_IDLE_SECONDS=1
// limit: 60
#include "../check.h"

int main(void) {
    char byte = 1;
    int file = scratch_file(0), before = count_descriptors();
    for (int round = 0; round < 2; round++) {
        struct aiocb control = request(file, &byte, 1, 0);
        int64_t began = nanoseconds();
        OK(aio_write(&control));
        CHECK(count_descriptors() > before);
        EQUAL(FINISH(&control), 1);
        CHECK(nanoseconds() - began >= 1500000000);
        for (double end = now() + 20; count_descriptors() != before && now() < end;) sleep_for(0.02);
        EQUAL(count_descriptors(), before);
        for (double end = now() + 20; count_threads() != 1 && now() < end;) sleep_for(0.02);
        EQUAL(count_threads(), 1);
    }
}
