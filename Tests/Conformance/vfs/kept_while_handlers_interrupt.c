// holds: A module's own thread passes on what it keeps, while threads submit, cancel and close, and handlers look.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=mine ordered aio_linux aio_poll aio_pthread'
// links: -Wl,-z,dynamic-undefined-weak
#include "vfs.h"
#include <sys/time.h>

enum { threads = 3, rounds = 300, batch = 8, size = 512 };
static struct kept kept = {.lock = PTHREAD_MUTEX_INITIALIZER};
static atomic_int isOver, withdrawn, looks;
static struct aiocb *_Atomic watched;

static void on_request(kaio_vfs_handle *handle, kaio_request *request) { keep(&kept, handle, request); }
static ssize_t on_done(kaio_vfs_handle *handle, kaio_request *request, ssize_t result) {
    (void)handle;
    // What it carries is its own.
    CHECK(result == -ECANCELED || *kaio_vfs_request_data(handle, request) == request);
    return result;
}
static int on_withdraw(kaio_vfs_handle *handle, kaio_request *request, int must) {
    (void)handle, (void)must;
    int found = forget_kept(&kept, request);
    withdrawn += found;
    return found;
}

static void *work(void *argument) {
    while (!isOver) {
        kaio_request *request = take_kept(&kept);
        if (!request) {
            usleep(50);
            continue;
        }
        void **data = kaio_vfs_request_data(kept.handle, request);
        CHECK(data);
        *data = request;
        EQUAL(KAIO_VFS_NEXT_AIO_READ(kept.handle, request), 0);
    }
    return argument;
}

static void on_signal(int signal) {
    (void)signal;
    struct aiocb *control = watched;
    if (control) looks += aio_error(control) >= 0;
}

static void *use(void *argument) {
    int file = scratch_file(0);
    write_pattern(file, batch * size, 1, 0);
    static struct aiocb all[threads][batch];
    static unsigned char buffers[threads][batch][size];
    struct aiocb *controls = all[(intptr_t)argument];
    unsigned char(*data)[size] = buffers[(intptr_t)argument];
    for (int round = 0; round < rounds; round++) {
        int copy = dup(file);
        for (int i = 0; i < batch; i++) {
            controls[i] = request(copy, data[i], size, i * size);
            OK(aio_read(&controls[i]));
        }
        watched = &controls[0];
        if (round % 3 == 1) aio_cancel(copy, round % 2 ? &controls[1] : NULL);
        if (round % 3 == 2) close(copy);
        for (int i = 0; i < batch; i++) {
            int error = wait_for(&controls[i], 10);
            CHECK(error == 0 || (error == ECANCELED && round % 3 != 0));
            EQUAL(aio_return(&controls[i]), error ? -1 : size);
            if (error == 0) VERIFY(data[i], size, 1, i * size);
        }
        if (round % 3 != 2) close(copy);
    }
    return NULL;
}

int main(void) {
    struct kaio_vfs_fns fns = {.aio_read_fn = on_request, .aio_done_fn = on_done, .aio_withdraw_fn = on_withdraw};
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "mine", &fns));
    deadline(18);
    pthread_t worker, users[threads];
    OK(pthread_create(&worker, NULL, work, NULL));
    signal(SIGALRM, on_signal);
    struct itimerval often = {{0, 500}, {0, 500}}, never = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &often, NULL);
    for (int i = 0; i < threads; i++) OK(pthread_create(&users[i], NULL, use, (void *)(intptr_t)i));
    for (int i = 0; i < threads; i++) OK(pthread_join(users[i], NULL));
    watched = NULL;
    setitimer(ITIMER_REAL, &never, NULL);
    isOver = 1;
    OK(pthread_join(worker, NULL));
    EQUAL(kept.count, 0);
    printf("%d withdrawn, %d looks\n", withdrawn, looks);
    CHECK(withdrawn > 0 && looks > 0);
}
