// holds: A second aio_return fails with EINVAL, and aio_error says EINVAL of what was never submitted.
// source: FACTS glibc 13
#include "../check.h"

int main(void) {
    struct aiocb control = request(scratch_file(0), "data", 4, 0), never = control;
    OK(aio_write(&control));
    EQUAL(FINISH(&control), 4);
    FAILS(aio_return(&control), EINVAL);
    EQUAL(aio_error(&never), EINVAL);
    return 0;
}
