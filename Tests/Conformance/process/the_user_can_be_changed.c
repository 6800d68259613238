// holds: A process that has used AIO can change its user: the library's threads do not keep setuid from ending.
// source: a fault that kaio had: the C library's setuid waits for every thread to take a signal
// limit: 20
#include "../check.h"

#include <unistd.h>

int main(void) {
    int file = scratch_file(8192);
    char buffer[4096];
    struct aiocb control = request(file, buffer, sizeof buffer, 0);
    OK(aio_write(&control));
    EQUAL(FINISH(&control), sizeof buffer);
    OK(aio_fsync(O_SYNC, &control));
    EQUAL(FINISH(&control), 0);
    if (geteuid() == 0) {
        OK(seteuid(65534));
        OK(seteuid(0));
    } else {
        OK(seteuid(geteuid()));
    }
    return 0;
}
