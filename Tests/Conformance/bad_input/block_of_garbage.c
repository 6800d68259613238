// holds: An aiocb of arbitrary bytes that was never submitted: aio_error and aio_return fail with EINVAL.
// source: FACTS glibc 13
#include "../check.h"

int main(void) {
    struct aiocb control;
    uint64_t state = 12345;
    for (int round = 0; round < 100000; round++) {
        unsigned char *bytes = (unsigned char *)&control;
        for (size_t i = 0; i < sizeof control; i++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            bytes[i] = (unsigned char)(state >> 56);
        }
        FAILS(aio_error(&control), EINVAL);
        FAILS(aio_return(&control), EINVAL);
    }
    // A copy of a finished request's block is no request either.
    int descriptor = scratch_file(0);
    char block[512] = {0};
    control = request(descriptor, block, sizeof block, 0);
    OK(aio_write(&control));
    EQUAL(wait_for(&control, 10), 0);
    struct aiocb copy = control;
    FAILS(aio_error(&copy), EINVAL);
    FAILS(aio_return(&copy), EINVAL);
    EQUAL(aio_return(&control), sizeof block);
    check_service();
}
