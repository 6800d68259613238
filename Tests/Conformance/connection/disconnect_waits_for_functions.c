// holds: kaio_disconnect waits until no thread is in a function of a module for one of its requests, also of one that is complete: only then disconnect_fn is called and what the module set is freed.
// source: kaio
// modes: linked
#include "../connection.h"
#include <kaio_vfs.h>

static int inside, may_go, left, disconnected;

static int on_connect(kaio_vfs_handle *handle, const char *service) {
    kaio_vfs_set_data(handle, calloc(1, 1), free);
    return KAIO_VFS_NEXT_CONNECT(handle, service);
}

static kaio_vfs_handle *its_handle;
static kaio_request *its_request;

static void on_read(kaio_vfs_handle *handle, kaio_request *request) {
    its_handle = handle;
    its_request = request;
    __atomic_store_n(&inside, 1, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&may_go, __ATOMIC_ACQUIRE)) sleep_for(0.001);
    CHECK(!__atomic_load_n(&disconnected, __ATOMIC_ACQUIRE));
    ++*(char *)kaio_vfs_data(handle);
    __atomic_store_n(&left, 1, __ATOMIC_RELEASE);
}

static void on_disconnect(kaio_vfs_handle *handle) {
    CHECK(__atomic_load_n(&left, __ATOMIC_ACQUIRE));
    EQUAL(*(char *)kaio_vfs_data(handle), 1);
    disconnected++;
    KAIO_VFS_NEXT_DISCONNECT(handle);
}

static kaio_connection *connection;
static kaio_file *file;
static struct aiocb control;

static void *submit(void *unused) {
    (void)unused;
    OK(kaio_aio_read(file, &control));
    return NULL;
}

static void *let_go(void *unused) {
    (void)unused;
    sleep_for(0.2);
    EQUAL(disconnected, 0);
    __atomic_store_n(&may_go, 1, __ATOMIC_RELEASE);
    return NULL;
}

int main(void) {
    struct kaio_vfs_fns fns = {.connect_fn = on_connect, .disconnect_fn = on_disconnect, .aio_read_fn = on_read};
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "slow", &fns));
    connection = connected("slow ordered aio_linux", NULL);
    file = opened(connection, "data", 0, 4096, 1);
    char buffer[512];
    control = request(-1, buffer, sizeof buffer, 0);
    pthread_t submitter, releaser;
    OK(pthread_create(&submitter, NULL, submit, NULL));
    while (!__atomic_load_n(&inside, __ATOMIC_ACQUIRE)) sleep_for(0.001);
    // Another thread completes it, while the first is still in the function.
    OK(kaio_vfs_complete(its_handle, its_request, 7));
    EQUAL(finished(connection, file, &control), 7);
    OK(pthread_create(&releaser, NULL, let_go, NULL));
    OK(kaio_disconnect(connection));
    EQUAL(disconnected, 1);
    OK(pthread_join(submitter, NULL));
    OK(pthread_join(releaser, NULL));
}
