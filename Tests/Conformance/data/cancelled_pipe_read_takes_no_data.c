// holds: A cancelled read of a pipe takes nothing from it: the data goes to the reads that are left.
// source: aio_cancel
#include "../check.h"

int main(void) {
    enum { count = 8 };
    int ends[2];
    open_pipe(ends);
    char bytes[count];
    struct aiocb controls[count];
    memset(bytes, '.', sizeof bytes);
    for (int i = 0; i < count; i++) {
        controls[i] = request(ends[0], &bytes[i], 1, 0);
        OK(aio_read(&controls[i]));
    }
    // All but the first wait behind it: they can be taken back.
    for (int i = 2; i < count; i += 2) {
        EQUAL(aio_cancel(ends[0], &controls[i]), AIO_CANCELED);
        EQUAL(aio_error(&controls[i]), ECANCELED);
        EQUAL(aio_return(&controls[i]), -1);
    }
    EQUAL(write(ends[1], "abcde", 5), 5);
    const char expected[] = "ab.c.d.e";
    for (int i = 0; i < count; i++)
        if (i % 2 || i == 0) EQUAL(FINISH(&controls[i]), 1);
    sleep_for(0.05);
    CHECK(memcmp(bytes, expected, count) == 0);
}
