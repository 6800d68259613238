// holds: A request in flight is not given out because an earlier one with the same aiocb was complete and nobody took its result.
// source: kaio
// modes: linked
#include "../check.h"
#include "../../../include/kaio.h"

int main(void) {
    int descriptor = scratch_file(0), ends[2];
    char byte;
    write_pattern(descriptor, 1, 1, 0);
    open_pipe(ends);
    struct timespec zero = {0, 0}, little = {0, 10000000};
    struct aiocb control, *done, *list[1];
    deadline(10);
    for (int i = 0; i < 3; i++) {
        control = request(descriptor, &byte, 1, 0);
        OK(aio_read(&control));
        EQUAL(wait_for(&control, 10), 0);
        control.aio_fildes = ends[0];
        OK(aio_read(&control));
        unsigned int wanted = 1;
        FAILS(aio_waitcomplete(&done, &zero), EWOULDBLOCK);
        CHECK(done == NULL);
        FAILS(aio_waitcomplete(&done, &little), EWOULDBLOCK);
        FAILS(aio_waitn(list, 1, &wanted, &little), ETIME);
        EQUAL(wanted, 0);
        EQUAL(write(ends[1], "x", 1), 1);
        EQUAL(aio_waitcomplete(&done, NULL), 1);
        CHECK(done == &control);
        FAILS(aio_waitcomplete(&done, NULL), EWOULDBLOCK);
    }
    return 0;
}
