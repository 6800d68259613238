// holds: A signal number out of range is refused by the call (EINVAL) and nothing is written; it does not replace a result later.
// source: FACTS glibc 5
#include "../check.h"

int main(void) {
    int file = scratch_file(0), wrong[] = {-1, 65, 1000, INT_MAX};
    for (int i = 0; i < 4; i++) {
        struct aiocb control = request(file, "data", 4, 0);
        control.aio_sigevent.sigev_notify = SIGEV_SIGNAL;
        control.aio_sigevent.sigev_signo = wrong[i];
        FAILS(aio_write(&control), EINVAL);
        EQUAL(aio_cancel(file, NULL), AIO_ALLDONE);
        EQUAL(lseek(file, 0, SEEK_END), 0);
    }
    return 0;
}
