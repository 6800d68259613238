// holds: 32 requests on one file are in progress at the same time, not one after another.
// source: FACTS glibc 1
// environment: KAIO_WORKERS=44
#include "../slow.h"

#define DEPTH 32

int main(void) {
    int file = scratch_file(0);
    static struct slow slow[DEPTH];
    static struct aiocb controls[DEPTH];
    OK(ftruncate(file, (off_t)(2 * DEPTH * SLOW_SIZE)));
    for (int i = 0; i < DEPTH; i++) {
        slow[i] = slow_memory();
        // Nowhere near each other: a sequential stream may be kept in order.
        controls[i] = request(file, slow[i].memory, SLOW_SIZE, (off_t)((size_t)(i * 7 % DEPTH) * 2 * SLOW_SIZE));
        OK(aio_read(&controls[i]));
    }
    // Each stands in the middle of its transfer, and none is let go before all do.
    for (int i = 0; i < DEPTH; i++) SLOW_TOUCHED(&slow[i]);
    for (int i = 0; i < DEPTH; i++) slow_release(&slow[i], NULL);
    for (int i = 0; i < DEPTH; i++) EQUAL(FINISH(&controls[i]), SLOW_SIZE);
    return 0;
}
