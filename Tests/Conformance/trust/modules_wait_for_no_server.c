// holds: Where a file's server does not answer, no call and no signal waits until bufio, group_sync or follow have opened the file once more, asked for its size or closed it, nor do other requests: what needs that waits, in order, and can be cancelled; close waits and lets signals in; the child of a fork begins anew; and without threads the call does it.
// source: kaio
// limit: 60
#include "server.h"
#include "../syscalls.h"

enum { size = 4096 };
static unsigned char *data, *found;

static int open_file(int flags) {
    struct stat status;
    int file = open(device_path, O_RDWR | O_CLOEXEC | flags, 0600);
    CHECK(file >= 0);
    // The kernel may know another size, of the part before.
    OK(fstat(file, &status));
    return file;
}

static void use(const char *objects, const char *parameters) {
    setenv("KAIO_VFS_OBJECTS", objects, 1);
    setenv("KAIO_VFS_PARAMETERS", parameters, 1);
}

// The first requests wait, a read behind the write of what it reads.
static void first_requests(int file) {
    struct aiocb write = request(file, data, size, 0), read = request(file, found, size, 0);
    fill(data, size, 1, 0);
    submit_while_stuck(&write, 1);
    OK(aio_read(&read));
    EQUAL(aio_error(&read), EINPROGRESS);
    finish_when_answered(&write, size);
    EQUAL(FINISH(&read), size);
    VERIFY(found, size, 1, 0);
}

// Where the module has no descriptor of its own, the kernel makes the program's close wait, with its signals.
static void cancelled_and_closed(int flags, int has_own) {
    int file = open_file(flags);
    struct aiocb read = request(file, found, size, 0), other = request(file, data, size, size);
    submit_while_stuck(&read, 0);
    OK(aio_read(&other));
    EQUAL(aio_cancel(file, &read), AIO_CANCELED);
    FINISHES_WITH(&read, ECANCELED);
    finish_when_answered(&other, size);
    if (has_own) close_while(&device->held_flushes, file);
    else OK(close(file));
    file = open_file(flags);
    read.aio_fildes = file;
    submit_while_stuck(&read, 0);
    close_while(&device->stuck, file);
    FINISHES_WITH(&read, ECANCELED);
}

static void forked(int flags) {
    int file = open_file(flags), status;
    struct aiocb read = request(file, found, size, 0);
    submit_while_stuck(&read, 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        struct aiocb mine = request(file, found, size, 0);
        FAILS(aio_error(&read), EINVAL);
        OK(aio_read(&mine));
        EQUAL(FINISH(&mine), size);
        OK(close(file));
        _exit(0);
    }
    sleep_for(0.1);
    finish_when_answered(&read, size);
    EQUAL(waitpid(child, &status, 0), child);
    EQUAL(status, 0);
    OK(close(file));
}

static void blocks(int flags) {
    int file = open_file(flags);
    first_requests(file);
    // It is here, and the server is asked whether it still is so.
    struct aiocb read = request(file, found, size, 0), tail = request(file, data, 100, 8192);
    sleep_for(0.01);
    submit_while_stuck(&read, 0);
    finish_when_answered(&read, size);
    // O_DIRECT does not take it.
    submit_while_stuck(&tail, 1);
    finish_when_answered(&tail, 100);
    close_while(&device->held_flushes, file);
    cancelled_and_closed(flags, 1);
    forked(flags);
}

static void bufio(void) {
    use("bufio ordered aio_linux aio_poll aio_pthread", "bufio:validate = 1ms");
    blocks(O_DIRECT);
}

static void bufio_of_all(void) {
    use("bufio ordered aio_linux aio_poll aio_pthread", "bufio:validate = 1ms; bufio:files = all");
    blocks(0);
}

static void group_sync(void) {
    use("group_sync ordered aio_linux aio_poll aio_pthread", "");
    int file = open_file(0), synchronous = open_file(O_SYNC);
    first_requests(file);
    struct aiocb write = request(synchronous, data, size, 0);
    submit_while_stuck(&write, 1);
    finish_when_answered(&write, size);
    OK(close(synchronous));
    close_while(&device->held_flushes, file);
    cancelled_and_closed(O_DSYNC, 1);
    forked(O_SYNC);
}

static void follow(void) {
    use("follow ordered aio_linux aio_poll aio_pthread", "");
    int file = open_file(0), other = open_file(0);
    first_requests(file);
    struct aiocb read = request(file, found, size, device_size / 2);
    submit_while_stuck(&read, 0);
    // The clock has come by.
    sleep_for(0.5);
    begin_alarm();
    goes_on();
    EQUAL(aio_error(&read), EINPROGRESS);
    device->stuck = 0;
    EQUAL(pwrite(other, data, size, device_size / 2), size);
    EQUAL(FINISH(&read), size);
    VERIFY(found, size, 1, 0);
    OK(close(other));
    OK(close(file));
    cancelled_and_closed(0, 0);
    forked(0);
}

static int has_no_thread(const struct seccomp_data *call, pid_t thread) {
    (void)call, (void)thread;
    return EAGAIN;
}

static void without_threads(void) {
    static const int calls[] = {SYS_clone, SYS_clone3};
    watch_calls(has_no_thread, calls, 2);
    int file = open_file(O_DIRECT);
    struct aiocb write = request(file, data, size, 0), read = request(file, found, size, 0);
    fill(data, size, 7, 0);
    OK(aio_write(&write));
    EQUAL(FINISH(&write), size);
    OK(aio_read(&read));
    EQUAL(FINISH(&read), size);
    VERIFY(found, size, 7, 0);
    OK(close(file));
}

static void bufio_without_threads(void) {
    use("bufio ordered aio_linux aio_poll aio_pthread", "bufio:validate = 1ms");
    without_threads();
}

static void group_sync_without_threads(void) {
    use("group_sync ordered aio_linux aio_poll aio_pthread", "");
    without_threads();
}

int main(void) {
    static const struct {
        const char *name;
        void (*function)(void);
    } parts[] = {{"bufio", bufio},
                 {"bufio, all files", bufio_of_all},
                 {"group_sync", group_sync},
                 {"follow", follow},
                 {"bufio without threads", bufio_without_threads},
                 {"group_sync without threads", group_sync_without_threads}};
    deadline(55);
    device_make();
    data = aligned_buffer(size);
    found = aligned_buffer(size);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        printf("%s\n", parts[i].name);
        fflush(stdout);
        device->size = parts[i].function == follow ? size : device_size / 2;
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            deadline(20);
            parts[i].function();
            _exit(0);
        }
        int status;
        EQUAL(waitpid(child, &status, 0), child);
        device->stuck = 0;
        if (status != 0) failed(__FILE__, __LINE__, "%s: the child's status is %#x", parts[i].name, (unsigned)status);
    }
}
