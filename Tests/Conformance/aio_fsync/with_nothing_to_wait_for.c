// holds: aio_fsync on a file without outstanding requests ends with 0.
// source: aio_fsync
#include "../check.h"

int main(void) {
    struct aiocb control = request(scratch_file(0), NULL, 0, 0);
    OK(aio_fsync(O_DSYNC, &control));
    EQUAL(FINISH(&control), 0);
    return 0;
}
