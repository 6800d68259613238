// holds: aio_error gives 0 for a request that succeeded, any number of times.
// source: aio_error
#include "../check.h"

int main(void) {
    int file = scratch_file(0);
    struct aiocb control = request(file, "data", 4, 0);
    OK(aio_write(&control));
    EQUAL(wait_for(&control, 10), 0);
    for (int i = 0; i < 100000; i++) EQUAL(aio_error(&control), 0);
    EQUAL(aio_return(&control), 4);
    return 0;
}
