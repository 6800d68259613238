// holds: aio_reqprio lowers a request below its peers: of those that wait for a thread the one of higher priority runs first.
// source: aio_read
// environment: KAIO_WORKERS=1
#include "../slow.h"

int main(void) {
    struct aioinit one = {.aio_threads = 1, .aio_num = 16};
    aio_init(&one);
    struct slow slow[3];
    struct aiocb controls[3];
    int priorities[3] = {0, 5, 2};
    for (int i = 0; i < 3; i++) {
        int file = scratch_file(0);
        write_pattern(file, SLOW_SIZE, (uint64_t)i, 0);
        slow[i] = slow_memory();
        controls[i] = request(file, slow[i].memory, SLOW_SIZE, 0);
        controls[i].aio_reqprio = priorities[i];
        OK(aio_read(&controls[i]));
        if (i == 0) SLOW_TOUCHED(&slow[0]);
    }
    int order[3] = {0, 2, 1};
    for (int i = 0; i < 3; i++) {
        SLOW_TOUCHED(&slow[order[i]]);
        for (int j = i + 1; j < 3; j++) CHECK(!slow_touched(&slow[order[j]], 0));
        slow_release(&slow[order[i]], NULL);
        EQUAL(FINISH(&controls[order[i]]), SLOW_SIZE);
        VERIFY(slow[order[i]].memory, SLOW_SIZE, (uint64_t)order[i], 0);
    }
    return 0;
}
