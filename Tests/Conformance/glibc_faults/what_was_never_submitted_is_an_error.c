// holds: aio_error and aio_return fail with EINVAL on what was never submitted.
// source: FACTS glibc 13
#include "../check.h"

int main(void) {
    struct aiocb never = request(scratch_file(0), "data", 4, 0);
    FAILS(aio_error(&never), EINVAL);
    FAILS(aio_return(&never), EINVAL);
    return 0;
}
