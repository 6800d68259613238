// holds: A request that began when nobody, or somebody else, looked does not count as over for who looks when it ends.
// source: kaio
// environment: KAIO_LIVE_DIR=.
#include "live.h"

int main(void) {
    int ends[2];
    char bytes[3];
    struct aiocb controls[3];
    open_pipe(ends);
    read_block(named_file("file", 0), 0);
    void *page = open_page(getpid());
    for (int i = 0; i < 3; i++) {
        controls[i] = request(ends[0], bytes + i, 1, 0);
        if (i > 0) look(getpid(), page, 3);
        OK(aio_read(&controls[i]));
    }
    EQUAL(sum_of(page, LIVE_BEGUN), 1);
    EQUAL(write(ends[1], "ab", 2), 2);
    for (int i = 0; i < 2; i++) EQUAL(FINISH(&controls[i]), 1);
    EQUAL(sum_of(page, LIVE_OVER), 0);
    EQUAL(write(ends[1], "c", 1), 1);
    EQUAL(FINISH(&controls[2]), 1);
    EQUAL(sum_of(page, LIVE_BEGUN), 1);
    EQUAL(sum_of(page, LIVE_OVER), 1);
    return 0;
}
