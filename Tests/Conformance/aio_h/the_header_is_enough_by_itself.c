// holds: aio.h alone declares the eight functions and the types that they take.
// source: aio.h
#include <aio.h>

static int (*volatile read_function)(struct aiocb *) = aio_read;
static int (*volatile write_function)(struct aiocb *) = aio_write;
static int (*volatile fsync_function)(int, struct aiocb *) = aio_fsync;
static int (*volatile error_function)(const struct aiocb *) = aio_error;
static ssize_t (*volatile return_function)(struct aiocb *) = aio_return;
static int (*volatile cancel_function)(int, struct aiocb *) = aio_cancel;
static int (*volatile suspend_function)(const struct aiocb *const[], int, const struct timespec *) = aio_suspend;
static int (*volatile list_function)(int, struct aiocb *const[restrict], int, struct sigevent *restrict) = lio_listio;

int main(void) {
    off_t offset = 0;
    size_t size = 0;
    struct timespec time = {0, 0};
    struct sigevent event = {.sigev_notify = SIGEV_NONE};
    union sigval value = {.sival_int = 0};
    pthread_attr_t *attributes = 0;
    return !(read_function && write_function && fsync_function && error_function && return_function &&
             cancel_function && suspend_function && list_function && !offset && !size && !time.tv_sec &&
             event.sigev_notify == SIGEV_NONE && !value.sival_int && !attributes);
}
