// holds: A read of no bytes ends with 0 and touches nothing.
// source: aio_read
#include "../check.h"

int main(void) {
    int file = scratch_file(0);
    write_pattern(file, 4096, 1, 0);
    struct aiocb control = request(file, NULL, 0, 0);
    OK(aio_read(&control));
    EQUAL(FINISH(&control), 0);
    return 0;
}
