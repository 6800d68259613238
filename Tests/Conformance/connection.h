// What the tests of connections share.
#ifndef KAIO_TESTS_CONNECTION_H
#define KAIO_TESTS_CONNECTION_H

#include "check.h"
#include <kaio.h>
#include <poll.h>

static UNUSED kaio_connection *connected(const char *objects, const char *parameters) {
    errno = 0;
    kaio_connection *connection = kaio_connect("test", objects, parameters);
    if (!connection) failed(__FILE__, __LINE__, "kaio_connect: %s", strerror(errno));
    return connection;
}

// A file of the test's directory with so many bytes of a stream.
static UNUSED kaio_file *opened(kaio_connection *connection, const char *name, int flags, size_t size, uint64_t seed) {
    int plain = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(plain >= 0);
    write_pattern(plain, size, seed, 0);
    fsync(plain);
    // Where some of it is in the page cache, Linux 5.10 refuses a direct read that must not wait.
    if (flags & O_DIRECT) posix_fadvise(plain, 0, 0, POSIX_FADV_DONTNEED);
    close(plain);
    kaio_file *file = kaio_open(connection, name, O_RDWR | flags, 0);
    if (!file) failed(__FILE__, __LINE__, "kaio_open: %s", strerror(errno));
    return file;
}

// A pipe whose reading end is a file of the connection's; returns the writing end.
static UNUSED int opened_pipe(kaio_connection *connection, kaio_file **file) {
    char path[64];
    int ends[2];
    open_pipe(ends);
    snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
    *file = kaio_open(connection, path, O_RDONLY, 0);
    if (!*file) failed(__FILE__, __LINE__, "kaio_open: %s", strerror(errno));
    close(ends[0]);
    return ends[1];
}

// A connection with one read, of a pipe, that waits for data.
struct waiting {
    kaio_connection *connection;
    kaio_file *file;
    int end;
    char byte;
    struct aiocb control;
    const struct aiocb *list[1];
};

static UNUSED void begin_waiting(struct waiting *waiting) {
    waiting->connection = connected(NULL, NULL);
    waiting->end = opened_pipe(waiting->connection, &waiting->file);
    waiting->control = request(-1, &waiting->byte, 1, 0);
    waiting->list[0] = &waiting->control;
    OK(kaio_aio_read(waiting->file, &waiting->control));
}

// A thread's function: lets it go on after a while.
static UNUSED void *write_later(void *end) {
    sleep_for(0.2);
    EQUAL(write(*(int *)end, "x", 1), 1);
    return NULL;
}

static UNUSED int all_of(kaio_connection *connection, struct aiocb *one, double seconds) {
    const struct aiocb *list[1] = {one};
    struct timespec time = interval((int64_t)(seconds * 1e9));
    return kaio_aio_suspend(connection, list, 1, &time);
}

static UNUSED ssize_t finished(kaio_connection *connection, kaio_file *file, struct aiocb *control) {
    OK(all_of(connection, control, 10));
    EQUAL(kaio_aio_error(file, control), 0);
    return kaio_aio_return(file, control);
}

// Whether the connection's descriptor becomes readable within so many milliseconds.
static UNUSED int is_readable(kaio_connection *connection, int milliseconds) {
    struct pollfd ready = {kaio_connection_fd(connection), POLLIN, 0};
    return poll(&ready, 1, milliseconds) == 1;
}

static int called;
static struct aiocb *called_with[4096];

static UNUSED void count_call(kaio_file *file, struct aiocb *control, void *argument) {
    EQUAL(kaio_aio_error(file, control) == EINPROGRESS, 0);
    if (argument) CHECK(argument == control);
    called_with[called++ % 4096] = control;
}

static UNUSED void dispatch_until(kaio_connection *connection, int *counter, int count) {
    double limit = now() + 10;
    while (*counter < count) {
        if (now() > limit) failed(__FILE__, __LINE__, "%d of %d callbacks", *counter, count);
        if (is_readable(connection, 100)) CHECK(kaio_connection_dispatch(connection, 0) >= 0);
    }
}

#endif
