// holds: When the signal cannot be queued status and result are those of the operation.
// source: FACTS glibc 4
#include "../check.h"
#include <sys/resource.h>

int main(void) {
    int file = scratch_file(0);
    struct rlimit none;
    OK(getrlimit(RLIMIT_SIGPENDING, &none));
    none.rlim_cur = 0;
    OK(setrlimit(RLIMIT_SIGPENDING, &none));
    struct aiocb control = request(file, "data", 4, 0);
    control.aio_sigevent.sigev_notify = SIGEV_SIGNAL;
    control.aio_sigevent.sigev_signo = SIGRTMIN;
    OK(aio_write(&control));
    CHECK(wait_for(&control, 10) != EINPROGRESS);
    EQUAL(lseek(file, 0, SEEK_END), 4);
    EQUAL(aio_error(&control), 0);
    EQUAL(aio_return(&control), 4);
    return 0;
}
