// holds: A sigev_notify that is none of the known ones: EINVAL from the call, with nothing queued.
// source: aio_read, aio_write, aio_fsync
#include "../check.h"

static int descriptor;
static char buffer[64] = "unchanged";

static void ask(int notify) {
    struct aiocb control = request(descriptor, buffer, sizeof buffer, 0);
    control.aio_sigevent.sigev_notify = notify;
    FAILS(aio_read(&control), EINVAL);
    FAILS(aio_write(&control), EINVAL);
    FAILS(aio_fsync(O_SYNC, &control), EINVAL);
}

int main(void) {
    descriptor = scratch_file(0);
    const int bad[] = {-1, 3, 5, 77, INT_MAX, INT_MIN};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) ask(bad[i]);
    WITHOUT_LEAK(ask(77));
    EQUAL(lseek(descriptor, 0, SEEK_END), 0);
    CHECK(strcmp(buffer, "unchanged") == 0);
    check_service();
}
