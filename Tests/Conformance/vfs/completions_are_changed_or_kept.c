// holds: aio_done_fn sees each completion, may change the result and the data, or keep it and complete it later.
// source: kaio
// links: -Wl,-z,dynamic-undefined-weak
#include "vfs.h"

static ssize_t seen, answer;
static int keeps, completes, cancelled;
static struct kept kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

static ssize_t on_done(kaio_vfs_handle *handle, kaio_request *request, ssize_t result) {
    seen = result;
    EQUAL(kaio_request_result(request), result);
    cancelled += result == -ECANCELED;
    if (keeps) {
        keep(&kept, handle, request);
        return KAIO_VFS_KEEP;
    }
    if (completes) EQUAL(kaio_vfs_complete(handle, request, answer), 0);
    for (ssize_t i = 0; i < result; i++) ((char *)kaio_request_buffer(request))[i] ^= 0x20;
    return completes ? 1 : answer;
}

static struct kept below = {.lock = PTHREAD_MUTEX_INITIALIZER};
static int stuck;

static void on_read(kaio_vfs_handle *handle, kaio_request *request) {
    if (stuck) keep(&below, handle, request);
    else KAIO_VFS_NEXT_AIO_READ(handle, request);
}
static int on_withdraw(kaio_vfs_handle *handle, kaio_request *request, int must) {
    (void)handle, (void)must;
    return forget_kept(&below, request);
}

int main(void) {
    struct kaio_vfs_fns fns = {.aio_done_fn = on_done};
    struct kaio_vfs_fns lower = {.aio_read_fn = on_read, .aio_withdraw_fn = on_withdraw};
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "mine", &fns));
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "lower", &lower));
    setenv("KAIO_VFS_OBJECTS", "mine lower ordered aio_linux aio_poll aio_pthread", 1);
    deadline(15);
    int file = scratch_file(0);
    EQUAL(pwrite(file, "abcd", 4, 0), 4);
    char buffer[4];
    struct aiocb control = request(file, buffer, 4, 0);
    answer = 4;
    OK(aio_read(&control));
    EQUAL(FINISH(&control), 4);
    CHECK(memcmp(buffer, "ABCD", 4) == 0);
    EQUAL(seen, 4);
    answer = -EILSEQ;
    OK(aio_read(&control));
    FINISHES_WITH(&control, EILSEQ);
    answer = 17;
    OK(aio_read(&control));
    FINISHES_WITH(&control, EIO);
    // An error becomes a success.
    struct aiocb bad = request(file, (void *)8, 4, 0);
    answer = 0;
    OK(aio_read(&bad));
    EQUAL(FINISH(&bad), 0);
    EQUAL(seen, -EFAULT);
    // Completed in the call: that counts.
    completes = 1;
    answer = 2;
    OK(aio_read(&control));
    EQUAL(FINISH(&control), 2);
    completes = 0;

    keeps = 1;
    OK(aio_read(&control));
    kaio_request *request;
    while (!(request = take_kept(&kept))) {
        aio_error(&control);
        sleep_for(0.001);
    }
    EQUAL(aio_error(&control), EINPROGRESS);
    EQUAL(kaio_request_result(request), 4);
    // Its transfer is over: it can't be cancelled, and the answer is there at once.
    double start = now();
    EQUAL(aio_cancel(file, &control), AIO_NOTCANCELED);
    CHECK(now() - start < 0.09);
    EQUAL(KAIO_VFS_NEXT_AIO_READ(kept.handle, request), -1);
    // Its descriptor is not used any more: close does not wait.
    int copy = dup(file);
    start = now();
    close(file);
    CHECK(now() - start < 0.5);
    EQUAL(kaio_vfs_complete(kept.handle, request, 3), 0);
    EQUAL(kaio_vfs_complete(kept.handle, request, 3), -1);
    EQUAL(aio_error(&control), 0);
    EQUAL(aio_return(&control), 3);

    // Of a cancelled one it is only told.
    stuck = 1;
    control = (struct aiocb){.aio_fildes = copy, .aio_buf = buffer, .aio_nbytes = 4};
    control.aio_sigevent.sigev_notify = SIGEV_NONE;
    OK(aio_read(&control));
    EQUAL(aio_cancel(copy, &control), AIO_CANCELED);
    EQUAL(aio_error(&control), ECANCELED);
    EQUAL(cancelled, 1);
    CHECK((request = take_kept(&kept)));
    EQUAL(kaio_vfs_complete(kept.handle, request, 3), -1);
}
