// holds: sysconf says that asynchronous I/O is supported, and its limits are at least what the standard demands.
// source: aio.h
#include "../check.h"

int main(void) {
    CHECK(sysconf(_SC_ASYNCHRONOUS_IO) >= 200112);
    long list = sysconf(_SC_AIO_LISTIO_MAX), most = sysconf(_SC_AIO_MAX);
    CHECK(list == -1 || list >= _POSIX_AIO_LISTIO_MAX);
    CHECK(most == -1 || most >= _POSIX_AIO_MAX);
    CHECK(sysconf(_SC_AIO_PRIO_DELTA_MAX) >= 0);
    return 0;
}
