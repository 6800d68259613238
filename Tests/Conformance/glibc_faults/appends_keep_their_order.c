// holds: O_APPEND writes of different priority are appended in call order.
// source: FACTS glibc 10
#include "../slow.h"

int main(void) {
    int file = scratch_file(O_APPEND);
    char back[2];
    struct slow slow = slow_memory();
    struct aiocb first = request(file, slow.memory, SLOW_SIZE, 0);
    struct aiocb low = request(file, "a", 1, 0), high = request(file, "b", 1, 0);
    low.aio_reqprio = 1;
    OK(aio_write(&first));
    SLOW_TOUCHED(&slow);
    OK(aio_write(&low));
    OK(aio_write(&high));
    slow_release(&slow, NULL);
    EQUAL(FINISH(&first), SLOW_SIZE);
    EQUAL(FINISH(&low), 1);
    EQUAL(FINISH(&high), 1);
    EQUAL(pread(file, back, 2, SLOW_SIZE), 2);
    CHECK(back[0] == 'a' && back[1] == 'b');
    return 0;
}
