// holds: Where the kernel's AIO is refused, a read and a write that wait on FIFOs of a connection take no worker, are cancelled, and kaio_close and kaio_disconnect end.
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
    static char big[200000], block[16];
    deadline(15);
    watch_calls(refuse, (int[]){SYS_io_setup}, 1);
    kaio_connection *connection = connected(NULL, NULL);
    for (int round = 0; round < 3; round++) {
        char name[] = "fifo-0";
        name[5] += (char)round;
        OK(mkfifo(name, 0600));
        kaio_file *reading = kaio_open(connection, name, O_RDWR, 0), *writing = kaio_open(connection, name, O_RDWR, 0);
        CHECK(reading && writing);
        struct aiocb input = request(-1, block, sizeof block, 0), output = request(-1, big, sizeof big, 0);
        OK(kaio_aio_read(reading, &input));
        sleep_for(0.05);
        EQUAL(kaio_aio_error(reading, &input), EINPROGRESS);
        if (round == 0) {
            EQUAL(kaio_aio_cancel(reading, &input), AIO_CANCELED);
            OK(all_of(connection, &input, 10));
            EQUAL(kaio_aio_error(reading, &input), ECANCELED);
        }
        if (round < 2) {
            OK(kaio_close(reading));
            EQUAL(aio_error(&input), ECANCELED);
            // More than the FIFO holds.
            OK(kaio_aio_write(writing, &output));
            sleep_for(0.05);
            EQUAL(kaio_aio_error(writing, &output), EINPROGRESS);
            OK(kaio_close(writing));
            CHECK(aio_error(&output) != EINPROGRESS);
        }
        EQUAL(count_threads_named("kaio-worker"), 0);
    }
    // With a read that waits.
    OK(kaio_disconnect(connection));
}
