// holds: An asynchronous write on a pipe or socket that nobody reads ends with EPIPE and sends no SIGPIPE.
// source: kaio (extension)
#include "../check.h"
#include <sys/socket.h>

static volatile sig_atomic_t caught;
static void handler(int number) { caught = number; }

int main(void) {
    struct sigaction action = {.sa_handler = handler};
    OK(sigaction(SIGPIPE, &action, NULL));
    for (int round = 0; round < 8; round++) {
        int ends[2], waits = round & 2, type = SOCK_STREAM | (round & 4 ? SOCK_NONBLOCK : 0);
        if (round & 1) OK(socketpair(AF_UNIX, type, 0, ends));
        else OK(pipe2(ends, round & 4 ? O_NONBLOCK : 0));
        unsigned char *data = aligned_buffer(4 << 20);
        // One that waits for room when the reader goes; and one that comes when it is gone.
        struct aiocb first = request(ends[1], data, 4 << 20, 0), second = request(ends[1], "x", 1, 0);
        if (waits && !(round & 4)) {
            OK(aio_write(&first));
            sleep_for(0.01);
            close(ends[0]);
            CHECK(wait_for(&first, 10) != EINPROGRESS);
        } else {
            close(ends[0]);
        }
        OK(aio_write(&second));
        FINISHES_WITH(&second, EPIPE);
        EQUAL(caught, 0);
        sigset_t pending;
        OK(sigpending(&pending));
        CHECK(!sigismember(&pending, SIGPIPE));
        free(data);
        close(ends[1]);
    }
    return 0;
}
