// holds: A read that waits for data ends when its descriptor is closed, and takes no byte of a pipe that gets the number afterwards.
// source: close
#include "../check.h"

int main(void) {
    for (int round = 0; round < 100; round++) {
        int ends[2], other[2];
        char bytes[3] = {0};
        OK(pipe(ends));
        OK(pipe(other));
        struct aiocb controls[2] = {request(ends[0], &bytes[0], 1, 0), request(ends[0], &bytes[1], 1, 0)};
        for (int i = 0; i < 2; i++) OK(aio_read(&controls[i]));
        if (round % 4 < 2) sleep_for(0.0005);
        if (round % 2) {
            OK(close(ends[0]));
            EQUAL(dup(other[0]), ends[0]);
        } else {
            EQUAL(dup2(other[0], ends[0]), ends[0]);
        }
        for (int i = 0; i < 2; i++) FINISHES_WITH(&controls[i], ECANCELED);
        EQUAL(write(other[1], "ab", 2), 2);
        EQUAL(read(ends[0], bytes, 3), 2);
        EQUAL(memcmp(bytes, "ab", 2), 0);
        for (int i = 0; i < 2; i++) {
            close(ends[i]);
            close(other[i]);
        }
    }
    return 0;
}
