// holds: Writes that overlap take effect in call order, whatever their priorities.
// source: FACTS choice (order)
#include "../slow.h"

int main(void) {
    int file = scratch_file(0), most = (int)sysconf(_SC_AIO_PRIO_DELTA_MAX);
    struct slow slow = slow_memory();
    struct aiocb first = request(file, slow.memory, SLOW_SIZE, 0), others[4];
    unsigned char *data[4], *back = aligned_buffer(2 * SLOW_SIZE);
    OK(aio_write(&first));
    SLOW_TOUCHED(&slow);
    // Each later one starts further on, and is of a higher priority.
    for (int i = 0; i < 4; i++) {
        data[i] = aligned_buffer(SLOW_SIZE);
        fill(data[i], SLOW_SIZE, 10 + (uint64_t)i, 0);
        others[i] = request(file, data[i], SLOW_SIZE, 65536 * (i + 1));
        others[i].aio_reqprio = most * (3 - i) / 4;
        OK(aio_write(&others[i]));
    }
    fill(back, SLOW_SIZE, 1, 0);
    slow_release(&slow, back);
    EQUAL(FINISH(&first), SLOW_SIZE);
    for (int i = 0; i < 4; i++) EQUAL(FINISH(&others[i]), SLOW_SIZE);
    EQUAL(pread(file, back, 2 * SLOW_SIZE, 0), SLOW_SIZE + 4 * 65536);
    VERIFY(back, 65536, 1, 0);
    for (int i = 0; i < 4; i++) VERIFY(back + 65536 * (i + 1), i == 3 ? SLOW_SIZE : 65536, 10 + (uint64_t)i, 0);
    return 0;
}
