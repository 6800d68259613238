// holds: No request of the parent's exists in the child: there aio_error and aio_return say EINVAL, aio_cancel AIO_ALLDONE, and nothing waits.
// source: fork
#include "../check.h"

int main(void) {
    int ends[2];
    char bytes[2];
    OK(pipe(ends));
    struct aiocb control = request(ends[0], &bytes[0], 1, 0), behind = request(ends[0], &bytes[1], 1, 0);
    OK(aio_read(&control));
    OK(aio_read(&behind));
    pid_t child = fork();
    if (child == 0) {
        alarm(10);
        const struct aiocb *list[1] = {&control};
        struct timespec none = {0, 0};
        FAILS(aio_error(&control), EINVAL);
        FAILS(aio_return(&behind), EINVAL);
        EQUAL(aio_cancel(ends[0], &control), AIO_ALLDONE);
        EQUAL(aio_cancel(ends[0], NULL), AIO_ALLDONE);
        OK(aio_suspend(list, 1, &none));
        // The same aiocb serves for a request of the child's own.
        int own[2];
        OK(pipe(own));
        control.aio_fildes = own[0];
        OK(aio_read(&control));
        EQUAL(write(own[1], "c", 1), 1);
        EQUAL(FINISH(&control), 1);
        _exit(0);
    }
    EXITS(child);
    EQUAL(aio_error(&control), EINPROGRESS);
    EQUAL(write(ends[1], "ab", 2), 2);
    EQUAL(FINISH(&control), 1);
    EQUAL(FINISH(&behind), 1);
    EQUAL(memcmp(bytes, "ab", 2), 0);
    return 0;
}
