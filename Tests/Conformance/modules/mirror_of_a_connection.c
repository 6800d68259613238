// holds: A file that is opened on a connection (kaio_open) is mirrored wholly: what is written there is on all legs when it is closed, and when the connection ends at once.
// source: kaio
// links: -Wl,-z,dynamic-undefined-weak
#include "mirror.h"
#include "../../../include/kaio.h"

#pragma weak kaio_connect
#pragma weak kaio_open
#pragma weak kaio_aio_write
#pragma weak kaio_aio_error
#pragma weak kaio_aio_return
#pragma weak kaio_close
#pragma weak kaio_disconnect
#pragma weak kaio_connection_dispatch

enum { size = 65536, blocks = 8 };

static void write_all(uint64_t seed, int closes) {
    char parameters[4 * PATH_MAX];
    static unsigned char data[blocks][size];
    struct aiocb controls[blocks];
    snprintf(parameters, sizeof parameters, "mirror:legs = %s %s; mirror:log = %s", two, three, mirror_log);
    kaio_connection *connection = kaio_connect("copies", "mirror ordered aio_linux aio_poll aio_pthread", parameters);
    CHECK(connection);
    kaio_file *file = kaio_open(connection, one, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(file);
    for (int i = 0; i < blocks; i++) {
        fill(data[i], size, seed, (uint64_t)i * size);
        controls[i] = request(-1, data[i], size, (off_t)i * size);
        OK(kaio_aio_write(file, &controls[i]));
    }
    for (int i = 0; i < blocks; i++) {
        while (kaio_aio_error(file, &controls[i]) == EINPROGRESS) {
            struct timespec soon = {.tv_nsec = 1000000};
            kaio_connection_dispatch(connection, 0);
            nanosleep(&soon, NULL);
        }
        EQUAL(kaio_aio_error(file, &controls[i]), 0);
        EQUAL(kaio_aio_return(file, &controls[i]), size);
    }
    if (closes) OK(kaio_close(file));
    OK(kaio_disconnect(connection));
    legs_are_equal(3);
    int found = open(three, O_RDONLY | O_CLOEXEC);
    for (int i = 0; i < blocks; i++) {
        EQUAL(pread(found, data[0], size, (off_t)i * size), size);
        VERIFY(data[0], size, seed, (uint64_t)i * size);
    }
    OK(close(found));
}

int main(void) {
    mirror_paths();
    forget_mirror();
    write_all(1, 1);
    write_all(2, 1);
    write_all(3, 0);
    EQUAL(stale_regions(), 0);
}
