// holds: Where the kernel watches no more descriptors (ENOSPC), kaio_connect fails, or the connection's descriptor is readable all the same when a request is complete.
// source: kaio
// modes: linked
#include "../connection.h"
#include "../syscalls.h"
#include <sys/epoll.h>

// So many more may be added.
static atomic_int left = 1000;

static int see(const struct seccomp_data *call, pid_t thread) {
    (void)thread;
    return call->args[1] == EPOLL_CTL_ADD && left-- <= 0 ? ENOSPC : 0;
}

int main(void) {
    watch_calls(see, (int[]){SYS_epoll_ctl}, 1);
    kaio_connection *first = connected(NULL, NULL);
    int descriptors = count_descriptors();
    left = 0;
    errno = 0;
    CHECK(kaio_connect("test", NULL, NULL) == NULL);
    EQUAL(errno, ENOSPC);
    EQUAL(count_descriptors(), descriptors);

    // Enough for what the connection has of its own, not for the rest: a pipe's data comes by way of that.
    left = 1;
    kaio_connection *second = connected(NULL, NULL);
    CHECK(left <= 0);
    left = 1000;
    kaio_file *file;
    char byte;
    int end = opened_pipe(second, &file);
    struct aiocb control = request(-1, &byte, 1, 0);
    kaio_set_callback(&control, count_call, &control);
    OK(kaio_aio_read(file, &control));
    EQUAL(write(end, "x", 1), 1);
    dispatch_until(second, &called, 1);
    EQUAL(kaio_aio_return(file, &control), 1);
    OK(kaio_disconnect(second));
    OK(kaio_disconnect(first));
}
