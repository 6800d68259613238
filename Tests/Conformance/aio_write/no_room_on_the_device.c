// holds: A write that the device has no room for ends with ENOSPC, as write() does.
// source: aio_write
#include "../check.h"

int main(void) {
    int full = open("/dev/full", O_RDWR);
    CHECK(full >= 0);
    struct aiocb control = request(full, "x", 1, 0);
    OK(aio_write(&control));
    FINISHES_WITH(&control, ENOSPC);
    return 0;
}
