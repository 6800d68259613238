// holds: A request that a module keeps is in progress until a thread, perhaps in a signal handler, passes it on.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=mine ordered aio_linux aio_poll aio_pthread'
// links: -Wl,-z,dynamic-undefined-weak
#include "vfs.h"

static struct kept kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void on_request(kaio_vfs_handle *handle, kaio_request *request) { keep(&kept, handle, request); }

static void *pass_on(void *argument) {
    kaio_request *request;
    while ((request = take_kept(&kept))) EQUAL(KAIO_VFS_NEXT_AIO_READ(kept.handle, request), 0);
    return argument;
}

static void on_signal(int signal) { (void)signal, pass_on(NULL); }

int main(void) {
    enum { count = 64, size = 512 };
    struct kaio_vfs_fns fns = {.aio_read_fn = on_request, .aio_write_fn = on_request};
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "mine", &fns));
    deadline(15);
    signal(SIGUSR1, on_signal);
    int file = scratch_file(0);
    static struct aiocb controls[count];
    static unsigned char data[count][size];
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < count; i++) {
            if (round == 0) fill(data[i], size, 1, i * size);
            else memset(data[i], 0, size);
            controls[i] = request(file, data[i], size, i * size);
            OK(round == 0 ? aio_write(&controls[i]) : aio_read(&controls[i]));
        }
        for (int i = 0; i < count; i++) EQUAL(aio_error(&controls[i]), EINPROGRESS);
        pthread_t threads[2];
        if (round == 2) raise(SIGUSR1);
        else {
            for (int i = 0; i < 2; i++) OK(pthread_create(&threads[i], NULL, pass_on, NULL));
        }
        for (int i = 0; i < count; i++) EQUAL(FINISH(&controls[i]), size);
        if (round != 2)
            for (int i = 0; i < 2; i++) OK(pthread_join(threads[i], NULL));
        for (int i = 0; i < count; i++) VERIFY(data[i], size, 1, i * size);
    }
}
