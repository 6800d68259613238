// holds: Where no thread can be started, a write on a connection's file that reaches RLIMIT_FSIZE gives the bytes before it, in non-blocking mode too, and no SIGXFSZ reaches the program.
// source: kaio
// modes: linked
#include "../connection.h"
#include "../syscalls.h"
#include <sys/resource.h>

static char bytes[8192];

static int refuse(const struct seccomp_data *call UNUSED, pid_t thread UNUSED) { return EAGAIN; }

static void write_to_the_limit(kaio_file *file) {
    struct aiocb control = request(-1, bytes, sizeof bytes, 0);
    OK(kaio_aio_write(file, &control));
    EQUAL(FINISH(&control), 4096);
}

int main(void) {
    int calls[] = {SYS_clone, SYS_clone3};
    struct rlimit limit = {4096, 4096};
    kaio_connection *connection = connected(NULL, NULL);
    kaio_file *file = opened(connection, "file", 0, 0, 0);
    watch_calls(refuse, calls, 2);
    OK(setrlimit(RLIMIT_FSIZE, &limit));
    write_to_the_limit(file);
    OK(fcntl(kaio_file_fd(file), F_SETFL, O_NONBLOCK));
    write_to_the_limit(file);
    OK(kaio_close(file));
    kaio_disconnect(connection);
}
