// holds: Each connection, also of the same parameters, has a handle and data of its own for a C module: connect_fn finds none, disconnect_fn is called once for each connect that succeeded, and what is set is freed once.
// source: kaio
// modes: linked
#include "../connection.h"
#include <kaio_vfs.h>

struct data {
    kaio_vfs_handle *handle;
    int reads, number;
};

static int connects, disconnects, freed, refuses, forgetful;
static struct data *latest;

static void free_data(void *argument) {
    struct data *data = argument;
    CHECK(data->number > 0);
    data->number = 0;
    freed++;
    free(data);
}

static int on_connect(kaio_vfs_handle *handle, const char *service) {
    if (KAIO_VFS_NEXT_CONNECT(handle, service) != 0) return -1;
    CHECK(kaio_vfs_data(handle) == NULL);
    CHECK(strcmp(kaio_vfs_service(handle), "test") == 0);
    kaio_vfs_parm_int(handle, "number", 0);
    latest = calloc(1, sizeof *latest);
    CHECK(latest);
    *latest = (struct data){handle, 0, ++connects};
    kaio_vfs_set_data(handle, latest, free_data);
    return 0;
}

static void on_disconnect(kaio_vfs_handle *handle) {
    CHECK(kaio_vfs_data(handle));
    disconnects++;
    if (!forgetful) KAIO_VFS_NEXT_DISCONNECT(handle);
}

static void on_read(kaio_vfs_handle *handle, kaio_request *request) {
    struct data *data = kaio_vfs_data(handle);
    CHECK(data->handle == handle);
    data->reads++;
    KAIO_VFS_NEXT_AIO_READ(handle, request);
}

static int refuse(kaio_vfs_handle *handle, const char *service) {
    kaio_vfs_set_data(handle, malloc(1), free);
    if (KAIO_VFS_NEXT_CONNECT(handle, service) != 0) return -1;
    if (refuses == 2) KAIO_VFS_NEXT_DISCONNECT(handle);
    if (refuses == 0) return 0;
    errno = EACCES;
    return -1;
}

static void never(kaio_vfs_handle *handle) {
    failed(__FILE__, __LINE__, "%s was not connected", kaio_vfs_name(handle));
}

static void read_through(kaio_connection *connection, kaio_file *file) {
    char buffer[512];
    struct aiocb control = request(-1, buffer, sizeof buffer, 0);
    OK(kaio_aio_read(file, &control));
    EQUAL(finished(connection, file, &control), (ssize_t)sizeof buffer);
}

int main(void) {
    enum { count = 3 };
    struct kaio_vfs_fns mine = {.connect_fn = on_connect, .disconnect_fn = on_disconnect, .aio_read_fn = on_read};
    struct kaio_vfs_fns above = {.connect_fn = refuse, .disconnect_fn = never};
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "mine", &mine));
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "above", &above));
    // More than once: a stack may be one that another connection had.
    for (int round = 1; round <= 3; round++) {
        kaio_connection *connections[count];
        kaio_file *files[count];
        struct data *data[count];
        for (int i = 0; i < count; i++) {
            connections[i] = connected("mine ordered aio_linux", NULL);
            data[i] = latest;
            files[i] = opened(connections[i], "data", 0, 4096, 1);
            for (int other = 0; other < i; other++) CHECK(data[other]->handle != data[i]->handle);
        }
        EQUAL(connects, round * count);
        for (int i = 0; i < count; i++) {
            for (int reads = 0; reads <= i; reads++) read_through(connections[i], files[i]);
            EQUAL(data[i]->reads, i + 1);
        }
        for (int i = 0; i < count; i++) {
            EQUAL(freed, (round - 1) * count + i);
            OK(kaio_disconnect(connections[i]));
            EQUAL(disconnects, (round - 1) * count + i + 1);
            EQUAL(freed, disconnects);
        }
    }
    // One above refuses: who was connected is disconnected once, whether or not the one above sees to it.
    for (refuses = 1; refuses <= 2; refuses++) {
        for (int i = 0; i < 3; i++) {
            FAILS(kaio_connect("test", "above mine ordered aio_linux", NULL) ? 0 : -1, EACCES);
            EQUAL(disconnects, connects);
            EQUAL(freed, connects);
        }
    }
    // Its parameters, which it asks for in connect_fn, are known, and a bad value or another name is refused after that.
    OK(kaio_disconnect(connected("mine ordered aio_linux", "mine:number = 5")));
    for (int i = 0; i < 2; i++) {
        FAILS(kaio_connect("test", "mine ordered aio_linux", "mine:number = many") ? 0 : -1, EINVAL);
        FAILS(kaio_connect("test", "mine ordered aio_linux", "mine:colour = 5") ? 0 : -1, EINVAL);
        EQUAL(disconnects, connects);
        EQUAL(freed, connects);
    }
    // A disconnect_fn that does not hand on.
    forgetful = 1;
    int before = disconnects;
    OK(kaio_disconnect(connected("mine mine aio_linux", NULL)));
    EQUAL(disconnects, before + 2);
    EQUAL(connects, disconnects);
    EQUAL(freed, connects);
}
