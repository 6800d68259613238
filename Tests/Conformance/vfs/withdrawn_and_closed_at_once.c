// holds: A kept request that its module gives up to one thread, while another closes the descriptor and is told that it is gone, is over.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=mine ordered aio_linux aio_poll aio_pthread'
// links: -Wl,-z,dynamic-undefined-weak
#include "vfs.h"

enum { rounds = 10 };
static struct kept kept = {.lock = PTHREAD_MUTEX_INITIALIZER};
static atomic_int isTaken, isRefused;
static int file;

static void on_request(kaio_vfs_handle *handle, kaio_request *request) { keep(&kept, handle, request); }

// Who comes first has the request, and says so when the other one was refused.
static int on_withdraw(kaio_vfs_handle *handle, kaio_request *request, int must) {
    (void)handle, (void)must;
    if (!forget_kept(&kept, request)) {
        isRefused = 1;
        return 0;
    }
    isTaken = 1;
    for (double limit = now() + 5; !isRefused && now() < limit;) usleep(1000);
    usleep(20000);
    return 1;
}

static void *cancel(void *control) {
    EQUAL(aio_cancel(file, control), AIO_CANCELED);
    return NULL;
}
static void *close_copy(void *copy) {
    OK(close(*(int *)copy));
    return NULL;
}

int main(void) {
    struct kaio_vfs_fns fns = {.aio_read_fn = on_request, .aio_withdraw_fn = on_withdraw};
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "mine", &fns));
    deadline(18);
    int scratch = scratch_file(0);
    for (int round = 0; round < rounds; round++) {
        char byte;
        file = dup(scratch);
        struct aiocb control = request(file, &byte, 1, 0);
        OK(aio_read(&control));
        isTaken = isRefused = 0;
        pthread_t first;
        // The first one is aio_cancel, or the call that closes.
        if (round % 2) OK(pthread_create(&first, NULL, cancel, &control));
        else OK(pthread_create(&first, NULL, close_copy, &file));
        while (!isTaken) usleep(100);
        if (round % 2) OK(close(file));
        else EQUAL(aio_cancel(file, &control), AIO_NOTCANCELED);
        OK(pthread_join(first, NULL));
        FINISHES_WITH(&control, ECANCELED);
        EQUAL(kept.count, 0);
    }
}
