// holds: When the first of several reads that wait on a pipe is cancelled, the next gets the next byte.
// source: kaio (extension)
#include "../check.h"

int main(void) {
    int ends[2];
    char bytes[4];
    struct aiocb controls[4];
    OK(pipe(ends));
    for (int victim = 0; victim < 4; victim++) {
        memset(bytes, 0, sizeof bytes);
        for (int i = 0; i < 4; i++) {
            controls[i] = request(ends[0], &bytes[i], 1, 0);
            OK(aio_read(&controls[i]));
        }
        EQUAL(aio_cancel(ends[0], &controls[victim]), AIO_CANCELED);
        FINISHES_WITH(&controls[victim], ECANCELED);
        EQUAL(write(ends[1], "abc", 3), 3);
        for (int i = 0, next = 'a'; i < 4; i++) {
            if (i == victim) continue;
            EQUAL(FINISH(&controls[i]), 1);
            EQUAL(bytes[i], next++);
        }
    }
    return 0;
}
