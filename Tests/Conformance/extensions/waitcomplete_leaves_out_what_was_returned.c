// holds: A request whose result aio_return took meanwhile is not given out by aio_waitcomplete or aio_waitn; nor is one of either by the other.
// source: kaio
// modes: linked
#include "../check.h"
#include "../../../include/kaio.h"

enum { count = 90 };

int main(void) {
    static struct aiocb controls[count];
    static unsigned char bytes[count];
    static int taken[count];
    int descriptor = scratch_file(0);
    write_pattern(descriptor, count, 1, 0);
    for (int i = 0; i < count; i++) {
        controls[i] = request(descriptor, bytes, (size_t)i, 0);
        OK(aio_read(&controls[i]));
    }
    for (int i = 0; i < count; i++) EQUAL(wait_for(&controls[i], 10), 0);
    for (int i = 0; i < count; i += 3) {
        EQUAL(aio_return(&controls[i]), i);
        taken[i]++;
    }
    for (int i = 0; i < count / 3; i++) {
        struct aiocb *done, *list[1];
        unsigned int wanted = 1;
        ssize_t result = aio_waitcomplete(&done, NULL);
        CHECK(done != NULL);
        EQUAL(result, done - controls);
        taken[done - controls]++;
        OK(aio_waitn(list, 1, &wanted, NULL));
        EQUAL(wanted, 1);
        EQUAL(aio_return(list[0]), list[0] - controls);
        taken[list[0] - controls]++;
    }
    for (int i = 0; i < count; i++) EQUAL(taken[i], 1);
    struct aiocb *done, *list[1];
    unsigned int wanted = 1;
    FAILS(aio_waitcomplete(&done, NULL), EWOULDBLOCK);
    FAILS(aio_waitn(list, 1, &wanted, NULL), EAGAIN);
    EQUAL(wanted, 0);
    return 0;
}
