// holds: close cancels a write to a pipe of which a part is on its way, and does not wait for the delay of its completion.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=delay_inject ordered aio_linux aio_poll aio_pthread' KAIO_VFS_PARAMETERS=delay_inject:delay=6s
#include "../check.h"

int main(void) {
    static char bytes[1 << 20];
    int ends[2];
    open_pipe(ends);
    int room = fcntl(ends[1], F_GETPIPE_SZ);
    struct aiocb control = request(ends[1], bytes, sizeof bytes, 0);
    OK(aio_write(&control));
    sleep_for(0.1);
    EQUAL(aio_error(&control), EINPROGRESS);
    double start = now();
    OK(close(ends[1]));
    CHECK(now() - start < 4);
    EQUAL(aio_error(&control), EINPROGRESS);
    EQUAL(wait_for(&control, 20), 0);
    CHECK(now() - start > 5);
    EQUAL(aio_return(&control), room);
}
