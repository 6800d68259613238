// holds: In the child of a fork a stack of the parent's that is used again leaves the order and the log alone that it has in common with others.
// source: kaio
// modes: linked
#include "../connection.h"

enum { size = 4096, reads = 10 };
static const char *plain = "full_audit ordered aio_linux aio_poll aio_pthread", *slow = "ordered delay_inject aio_pthread";
static char first[size], second[size], found[size], parameters[PATH_MAX + 64];

static kaio_connection *audited(const char *service) {
    kaio_connection *connection = kaio_connect(service, plain, parameters);
    if (!connection) failed(__FILE__, __LINE__, "kaio_connect: %s", strerror(errno));
    return connection;
}

// A write that is in progress for a while, and a later one of the same bytes.
static void write_twice(void) {
    kaio_connection *one = connected(slow, "delay_inject:delay = 400ms");
    kaio_file *file = opened(one, "data", 0, size, 1);
    memset(first, '1', size);
    memset(second, '2', size);
    struct aiocb earlier = request(-1, first, size, 0), later = request(-1, second, size, 0);
    OK(kaio_aio_write(file, &earlier));
    kaio_connection *two = audited("one");
    kaio_file *same = kaio_open(two, "data", O_RDWR, 0);
    CHECK(same);
    OK(kaio_aio_write(same, &later));
    EQUAL(finished(two, same, &later), size);
    // It waited for the other.
    EQUAL(kaio_aio_error(file, &earlier), 0);
    EQUAL(finished(one, file, &earlier), size);
    EQUAL(pread(kaio_file_fd(file), found, size, 0), size);
    EQUAL(found[0], '2');
    OK(kaio_disconnect(one));
    OK(kaio_disconnect(two));
}

// Lines that lie in the log, since nobody reads the FIFO, when the next of the stacks is used.
static void log_lines(const char *fifo) {
    kaio_connection *one = audited("one");
    kaio_file *file = opened(one, "data", 0, size, 1);
    for (int i = 0; i < reads; i++) {
        struct aiocb control = request(-1, found, 512, 0);
        OK(kaio_aio_read(file, &control));
        EQUAL(finished(one, file, &control), 512);
    }
    kaio_connection *two = audited("two");
    int end = open(fifo, O_RDONLY | O_NONBLOCK), lines = 0;
    CHECK(end >= 0);
    char text[65536];
    for (double limit = now() + 10; lines < reads && now() < limit; usleep(10000)) {
        ssize_t count = read(end, text, sizeof text);
        for (ssize_t i = 0; i < count; i++) lines += text[i] == '\n';
    }
    EQUAL(lines, reads);
    OK(kaio_disconnect(one));
    OK(kaio_disconnect(two));
}

static void in_child(void (*body)(const char *), const char *argument) {
    pid_t child = fork();
    if (child == 0) {
        body(argument);
        _exit(0);
    }
    int status;
    EQUAL(waitpid(child, &status, 0), child);
    EQUAL(status, 0);
}

static void write_twice_in_child(const char *unused) { (void)unused, write_twice(); }

int main(void) {
    char fifo[PATH_MAX];
    OK(mkfifo(path_of(fifo, "log"), 0600));
    snprintf(parameters, sizeof parameters, "full_audit:to = %s; full_audit:operations = read", fifo);
    // From now on the parent has stacks to be used again.
    kaio_connection *one = audited("one"), *two = audited("two");
    OK(kaio_disconnect(one));
    OK(kaio_disconnect(two));
    in_child(write_twice_in_child, NULL);
    in_child(log_lines, fifo);
}
