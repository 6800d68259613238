// holds: A write of no bytes ends with 0 and changes nothing.
// source: aio_write
#include "../check.h"

int main(void) {
    int file = scratch_file(0);
    struct aiocb control = request(file, NULL, 0, 4096);
    OK(aio_write(&control));
    EQUAL(FINISH(&control), 0);
    EQUAL(lseek(file, 0, SEEK_END), 0);
    return 0;
}
