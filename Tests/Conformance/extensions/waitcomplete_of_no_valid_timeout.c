// holds: aio_waitcomplete with a timeout that is no interval fails with EINVAL, stores NULL and takes nothing.
// source: kaio
// modes: linked
#include "../check.h"
#include "../../../include/kaio.h"

int main(void) {
    struct timespec bad[] = {{0, -1}, {0, 1000000000}, {-1, 0}, {5, LONG_MAX}, {0, LONG_MIN}, {LONG_MIN, 0}};
    unsigned char bytes[100];
    int descriptor = scratch_file(0);
    write_pattern(descriptor, sizeof bytes, 1, 0);
    for (int round = 0; round < 2; round++) {
        struct aiocb control = request(descriptor, bytes, sizeof bytes, 0), *done;
        if (round) {
            OK(aio_read(&control));
            EQUAL(wait_for(&control, 10), 0);
        }
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
            done = &control;
            FAILS(aio_waitcomplete(&done, &bad[i]), EINVAL);
            CHECK(done == NULL);
        }
        if (round) EQUAL(FINISH(&control), sizeof bytes);
    }
    // The longest there is.
    struct timespec longest = {LONG_MAX, 999999999};
    struct aiocb control = request(descriptor, bytes, sizeof bytes, 0), *done;
    OK(aio_read(&control));
    EQUAL(aio_waitcomplete(&done, &longest), sizeof bytes);
    return 0;
}
