// holds: While a module's own thread passes on what was kept, or completes it, a signal handler on top of it may close the descriptor.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=mine ordered aio_linux aio_poll aio_pthread'
// links: -Wl,-z,dynamic-undefined-weak
#include "vfs.h"

static kaio_vfs_handle *_Atomic keeper;
static kaio_request *_Atomic kept;
static atomic_int isOver, armed, open_now = -1, handlers;
static pthread_t worker;

static void on_request(kaio_vfs_handle *handle, kaio_request *request) {
    keeper = handle;
    kept = request;
}

static void on_signal(int signal) {
    (void)signal;
    int descriptor = atomic_exchange(&open_now, -1);
    if (descriptor >= 0) close(descriptor);
    handlers++;
}

// One signal for each request, at some moment of the call.
static void *interrupt(void *argument) {
    for (unsigned round = 0; !isOver; round++) {
        while (!armed && !isOver) {}
        armed = 0;
        for (volatile unsigned i = 0; i < round % 400; i++) {}
        pthread_kill(worker, SIGUSR1);
    }
    return argument;
}

int main(void) {
    struct kaio_vfs_fns fns = {.aio_read_fn = on_request};
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "mine", &fns));
    deadline(18);
    int file = scratch_file(0), rounds = 0;
    EQUAL(write(file, "x", 1), 1);
    worker = pthread_self();
    signal(SIGUSR1, on_signal);
    pthread_t other;
    OK(pthread_create(&other, NULL, interrupt, NULL));
    for (double end = now() + 3; now() < end; rounds++) {
        char byte;
        int copy = dup(file);
        CHECK(copy >= 0);
        struct aiocb control = request(copy, &byte, 1, 0);
        OK(aio_read(&control));
        open_now = copy;
        armed = 1;
        if (rounds % 2) EQUAL(KAIO_VFS_NEXT_AIO_READ(keeper, kept), 0);
        else EQUAL(kaio_vfs_complete(keeper, kept, 1), 0);
        copy = atomic_exchange(&open_now, -1);
        if (copy >= 0) OK(close(copy));
        int error = wait_for(&control, 10);
        CHECK(error == 0 || error == ECANCELED);
        EQUAL(aio_return(&control), error ? -1 : 1);
    }
    isOver = 1;
    OK(pthread_join(other, NULL));
    printf("%d rounds, %d handlers\n", rounds, handlers);
}
