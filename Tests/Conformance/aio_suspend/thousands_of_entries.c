// holds: A list may have thousands of entries; the one that gets done is found wherever it stands.
// source: kaio (extension)
#include "../check.h"

#define COUNT 5000

int main(void) {
    static struct aiocb controls[COUNT];
    static const struct aiocb *list[COUNT];
    static char bytes[COUNT];
    int ends[2], other[2];
    struct timespec short_ = {0, 1000000};
    OK(pipe(ends));
    OK(pipe(other));
    for (int i = 0; i < COUNT; i++) {
        controls[i] = request(i == COUNT - 1 ? other[0] : ends[0], &bytes[i], 1, 0);
        list[i] = &controls[i];
        OK(aio_read(&controls[i]));
    }
    for (int i = 0; i < 20; i++) FAILS(aio_suspend(list, COUNT, &short_), EAGAIN);
    EQUAL(write(other[1], "x", 1), 1);
    OK(aio_suspend(list, COUNT, NULL));
    EQUAL(aio_error(&controls[COUNT - 1]), 0);
    EQUAL(aio_error(&controls[0]), EINPROGRESS);
    return 0;
}
