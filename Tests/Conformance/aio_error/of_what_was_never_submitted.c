// holds: aio_error on an aiocb that was never submitted fails with EINVAL (-1 and errno), whatever bytes it is made of.
// source: aio_error
#include "../check.h"

int main(void) {
    struct aiocb control;
    for (int byte = 0; byte < 256; byte++) {
        memset(&control, byte, sizeof control);
        FAILS(aio_error(&control), EINVAL);
    }
    memset(&control, 0, sizeof control);
    for (int i = 0; i < 100000; i++) {
        fill(&control, sizeof control, 7, (uint64_t)i * sizeof control);
        FAILS(aio_error(&control), EINVAL);
    }
    return 0;
}
