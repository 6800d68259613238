// holds: aio_reqprio below zero or above AIO_PRIO_DELTA_MAX: EINVAL from the call, with nothing queued.
// source: aio_read, aio_write
#include "../check.h"

static int descriptor;
static char buffer[64] = "unchanged";

static void ask(int priority) {
    struct aiocb control = request(descriptor, buffer, sizeof buffer, 0);
    control.aio_reqprio = priority;
    FAILS(aio_read(&control), EINVAL);
    FAILS(aio_write(&control), EINVAL);
}

int main(void) {
    descriptor = scratch_file(0);
    long most = sysconf(_SC_AIO_PRIO_DELTA_MAX);
    CHECK(most >= 0);
    const int bad[] = {-1, (int)most + 1, INT_MAX, INT_MIN};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) ask(bad[i]);
    WITHOUT_LEAK(ask(-1));
    EQUAL(lseek(descriptor, 0, SEEK_END), 0);
    CHECK(strcmp(buffer, "unchanged") == 0);

    // Both ends of the range are good.
    for (int i = 0; i < 2; i++) {
        struct aiocb control = request(descriptor, buffer, sizeof buffer, 0);
        control.aio_reqprio = i ? (int)most : 0;
        OK(aio_write(&control));
        EQUAL(FINISH(&control), sizeof buffer);
    }
    check_service();
}
