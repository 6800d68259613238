// holds: aio_waitcomplete and aio_waitn give what was complete before the library gave everything back after its idle time, and what comes later.
// source: kaio
// environment: KAIO_IDLE_SECONDS=1
// modes: linked
// limit: 40
#include "../check.h"
#include "../../../include/kaio.h"

int main(void) {
    int descriptor = scratch_file(0);
    char bytes[4];
    struct aiocb controls[4], *done, *list[4];
    unsigned int wanted = 2;
    write_pattern(descriptor, 4, 1, 0);
    for (int i = 0; i < 3; i++) {
        controls[i] = request(descriptor, bytes, (size_t)i, 0);
        OK(aio_read(&controls[i]));
        EQUAL(wait_for(&controls[i], 10), 0);
    }
    for (double end = now() + 20; count_threads() > 1 && now() < end;) sleep_for(0.05);
    EQUAL(count_threads(), 1);
    EQUAL(count_contexts(), 0);
    EQUAL(aio_waitcomplete(&done, NULL), 0);
    CHECK(done == &controls[0]);
    controls[3] = request(descriptor, bytes, 3, 0);
    OK(aio_read(&controls[3]));
    EQUAL(wait_for(&controls[3], 10), 0);
    OK(aio_waitn(list, 2, &wanted, NULL));
    EQUAL(wanted, 2);
    for (int i = 0; i < 2; i++) EQUAL(aio_return(list[i]), i + 1);
    EQUAL(aio_waitcomplete(&done, NULL), 3);
    FAILS(aio_waitcomplete(&done, NULL), EWOULDBLOCK);
    return 0;
}
