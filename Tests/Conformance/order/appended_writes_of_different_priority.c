// holds: Writes with O_APPEND land in call order whatever their priorities, also through a duplicate of the descriptor.
// source: kaio (extension)
#include "../slow.h"

int main(void) {
    int file = scratch_file(O_APPEND), most = (int)sysconf(_SC_AIO_PRIO_DELTA_MAX);
    struct slow slow = slow_memory();
    struct aiocb first = request(file, slow.memory, SLOW_SIZE, 0), others[8];
    char letters[8], back[8];
    OK(aio_write(&first));
    SLOW_TOUCHED(&slow);
    for (int i = 0; i < 8; i++) {
        letters[i] = (char)('a' + i);
        others[i] = request(i % 2 ? dup(file) : file, &letters[i], 1, 0);
        others[i].aio_reqprio = most * (7 - i) / 7;
        OK(aio_write(&others[i]));
    }
    slow_release(&slow, NULL);
    EQUAL(FINISH(&first), SLOW_SIZE);
    for (int i = 0; i < 8; i++) EQUAL(FINISH(&others[i]), 1);
    EQUAL(pread(file, back, 8, SLOW_SIZE), 8);
    EQUAL(memcmp(back, "abcdefgh", 8), 0);
    return 0;
}
