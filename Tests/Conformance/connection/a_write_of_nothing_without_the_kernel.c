// holds: Where the kernel's AIO is refused, a write of no bytes to a FIFO of a connection ends with 0.
// source: kaio
// modes: linked
#include "../connection.h"
#include "../syscalls.h"
#include <sys/stat.h>

static int refuse(const struct seccomp_data *call, pid_t thread) {
    (void)call, (void)thread;
    return ENOSYS;
}

int main(void) {
    watch_calls(refuse, (int[]){SYS_io_setup}, 1);
    OK(mkfifo("fifo", 0600));
    int reader = open("fifo", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    CHECK(reader >= 0);
    kaio_connection *connection = connected(NULL, NULL);
    kaio_file *file = kaio_open(connection, "fifo", O_WRONLY, 0);
    CHECK(file);
    char nothing[1] = "";
    struct aiocb control = request(-1, nothing, 0, 0);
    OK(kaio_aio_write(file, &control));
    EQUAL(finished(connection, file, &control), 0);
    OK(kaio_disconnect(connection));
}
