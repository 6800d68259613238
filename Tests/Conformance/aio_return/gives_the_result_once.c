// holds: aio_return gives the result once; after that it fails with EINVAL.
// source: aio_return
#include "../check.h"

int main(void) {
    int file = scratch_file(0);
    struct aiocb control = request(file, "data", 4, 0);
    OK(aio_write(&control));
    EQUAL(FINISH(&control), 4);
    for (int i = 0; i < 1000; i++) FAILS(aio_return(&control), EINVAL);
    // The same aiocb serves again.
    OK(aio_write(&control));
    EQUAL(FINISH(&control), 4);
    FAILS(aio_return(&control), EINVAL);
    return 0;
}
