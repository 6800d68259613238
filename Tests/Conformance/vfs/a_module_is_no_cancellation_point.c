// holds: A thread that is cancelled while a module's function has it ends only after the call.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=mine ordered aio_linux aio_poll aio_pthread'
// links: -Wl,-z,dynamic-undefined-weak
#include "vfs.h"

static int called, returned;

static void on_read(kaio_vfs_handle *handle, kaio_request *request) {
    called++;
    pthread_testcancel();
    KAIO_VFS_NEXT_AIO_READ(handle, request);
}

static void *run(void *argument) {
    struct aiocb *control = argument;
    OK(pthread_cancel(pthread_self()));
    OK(aio_read(control));
    returned = 1;
    pthread_testcancel();
    return NULL;
}

int main(void) {
    struct kaio_vfs_fns fns = {.aio_read_fn = on_read};
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "mine", &fns));
    deadline(15);
    char buffer[4];
    struct aiocb control = request(scratch_file(0), buffer, 4, 0);
    pthread_t thread;
    void *result;
    OK(pthread_create(&thread, NULL, run, &control));
    OK(pthread_join(thread, &result));
    EQUAL(called, 1);
    EQUAL(returned, 1);
    CHECK(result == PTHREAD_CANCELED);
    EQUAL(FINISH(&control), 0);
}
