// holds: Of requests of the same priority that wait for a thread the one called for first runs first.
// source: aio_read
// environment: KAIO_WORKERS=1
#include "../slow.h"

int main(void) {
    struct aioinit one = {.aio_threads = 1, .aio_num = 16};
    aio_init(&one);
    struct slow slow[5];
    struct aiocb controls[5];
    for (int i = 0; i < 5; i++) {
        int file = scratch_file(0);
        write_pattern(file, SLOW_SIZE, (uint64_t)i, 0);
        slow[i] = slow_memory();
        controls[i] = request(file, slow[i].memory, SLOW_SIZE, 0);
        controls[i].aio_reqprio = 3;
        OK(aio_read(&controls[i]));
    }
    for (int i = 0; i < 5; i++) {
        SLOW_TOUCHED(&slow[i]);
        if (i < 4) CHECK(!slow_touched(&slow[i + 1], 0));
        slow_release(&slow[i], NULL);
        EQUAL(FINISH(&controls[i]), SLOW_SIZE);
    }
    return 0;
}
