// holds: aio_cancel and close take a kept request out of a module that lets them; else close does not wait for it.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=mine ordered aio_linux aio_poll aio_pthread'
// links: -Wl,-z,dynamic-undefined-weak
#include "vfs.h"

static struct kept kept = {.lock = PTHREAD_MUTEX_INITIALIZER};
static int stubborn, musts;

static void on_request(kaio_vfs_handle *handle, kaio_request *request) { keep(&kept, handle, request); }
static int on_withdraw(kaio_vfs_handle *handle, kaio_request *request, int must) {
    (void)handle;
    musts += must;
    return !stubborn && forget_kept(&kept, request);
}

int main(void) {
    struct kaio_vfs_fns fns = {.aio_read_fn = on_request, .aio_write_fn = on_request, .aio_withdraw_fn = on_withdraw};
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "mine", &fns));
    deadline(15);
    int file = scratch_file(0);
    char buffer[] = "abcd";
    struct aiocb one = request(file, buffer, 4, 0), two = one, three = one;
    OK(aio_read(&one));
    OK(aio_read(&two));
    OK(aio_read(&three));
    EQUAL(aio_cancel(file, &two), AIO_CANCELED);
    FINISHES_WITH(&two, ECANCELED);
    EQUAL(kept.count, 2);
    EQUAL(aio_cancel(file, NULL), AIO_CANCELED);
    FINISHES_WITH(&one, ECANCELED);
    FINISHES_WITH(&three, ECANCELED);
    EQUAL(kept.count, 0);
    EQUAL(musts, 0);

    stubborn = 1;
    OK(aio_write(&one));
    double start = now();
    EQUAL(aio_cancel(file, &one), AIO_NOTCANCELED);
    CHECK(now() - start < 0.09);
    EQUAL(aio_error(&one), EINPROGRESS);
    kaio_request *request_one = take_kept(&kept);
    EQUAL(KAIO_VFS_NEXT_AIO_WRITE(kept.handle, request_one), 0);
    EQUAL(FINISH(&one), 4);

    // close, of one that gives it back, of one that does not.
    stubborn = 0;
    int copy = dup(file);
    one = request(copy, buffer, 4, 0);
    OK(aio_write(&one));
    close(copy);
    EQUAL(aio_error(&one), ECANCELED);
    EQUAL(aio_return(&one), -1);
    EQUAL(musts, 1);

    stubborn = 1;
    copy = dup(file);
    memcpy(buffer, "efgh", 4);
    one = request(copy, buffer, 4, 0);
    two = one;
    OK(aio_write(&one));
    OK(aio_write(&two));
    start = now();
    close(copy);
    CHECK(now() - start < 0.5);
    EQUAL(aio_error(&one), EINPROGRESS);
    // The number is in use again, of the same file even.
    EQUAL(dup(file), copy);
    request_one = take_kept(&kept);
    EQUAL(KAIO_VFS_NEXT_AIO_WRITE(kept.handle, request_one), 0);
    FINISHES_WITH(&one, ECANCELED);
    EQUAL(KAIO_VFS_NEXT_AIO_WRITE(kept.handle, request_one), -1);
    // Completed by the module: then it knows what became of it.
    EQUAL(kaio_vfs_complete(kept.handle, take_kept(&kept), 4), 0);
    EQUAL(FINISH(&two), 4);
    char now_there[4];
    EQUAL(pread(file, now_there, 4, 0), 4);
    CHECK(memcmp(now_there, "abcd", 4) == 0);
}
