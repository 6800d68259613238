// holds: SIGEV_SIGNAL with a number that is no signal: EINVAL from the call, with nothing queued.
// source: FACTS glibc 5
#include "../check.h"

static int descriptor;
static char buffer[64] = "unchanged";

static void ask(int number) {
    struct aiocb control = request(descriptor, buffer, sizeof buffer, 0);
    control.aio_sigevent.sigev_notify = SIGEV_SIGNAL;
    control.aio_sigevent.sigev_signo = number;
    FAILS(aio_read(&control), EINVAL);
    FAILS(aio_write(&control), EINVAL);
    FAILS(aio_fsync(O_SYNC, &control), EINVAL);
}

int main(void) {
    descriptor = scratch_file(0);
    const int bad[] = {-1, SIGRTMAX + 1, 1000, INT_MAX, INT_MIN};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) ask(bad[i]);
    WITHOUT_LEAK(ask(1000));
    EQUAL(lseek(descriptor, 0, SEEK_END), 0);
    CHECK(strcmp(buffer, "unchanged") == 0);
    check_service();
}
