// holds: When the time is up aio_waitn fails with ETIME, not before, and gives what is complete; a zero timeout polls.
// source: kaio
// modes: linked
#include "../check.h"
#include "../../../include/kaio.h"

int main(void) {
    int descriptor = scratch_file(0), ends[2];
    char bytes[3];
    open_pipe(ends);
    write_pattern(descriptor, 1, 1, 0);
    struct aiocb waiting = request(ends[0], bytes, 1, 0), *list[4];
    OK(aio_read(&waiting));
    int64_t times[] = {0, 1, 999, 50000, 1000000, 10000000, 150000000};
    for (int round = 0; round < 4; round++)
        for (int i = 0; i < 7; i++) {
            struct aiocb complete[2];
            for (int j = 0; j < round % 3; j++) {
                complete[j] = request(descriptor, &bytes[1 + j], 1, 0);
                OK(aio_read(&complete[j]));
                EQUAL(wait_for(&complete[j], 10), 0);
            }
            struct timespec timeout = interval(times[i]);
            unsigned int wanted = 3;
            int64_t start = nanoseconds();
            FAILS(aio_waitn(list, 4, &wanted, &timeout), ETIME);
            CHECK(nanoseconds() - start >= times[i]);
            EQUAL(wanted, round % 3);
            for (unsigned j = 0; j < wanted; j++) EQUAL(aio_return(list[j]), 1);
            EQUAL(aio_error(&waiting), EINPROGRESS);
        }
    // Enough is complete: no timeout is waited for.
    EQUAL(write(ends[1], "x", 1), 1);
    EQUAL(wait_for(&waiting, 10), 0);
    struct timespec zero = {0, 0};
    unsigned int wanted = 1;
    OK(aio_waitn(list, 4, &wanted, &zero));
    EQUAL(wanted, 1);
    CHECK(list[0] == &waiting);
    return 0;
}
