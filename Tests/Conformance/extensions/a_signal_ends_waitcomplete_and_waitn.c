// holds: A signal that is caught, with SA_RESTART too, ends aio_waitcomplete and aio_waitn with EINTR; what was complete is in the list.
// source: kaio
// modes: linked
#include "../check.h"
#include "../../../include/kaio.h"

static volatile sig_atomic_t caught;
static void handler(int number) { caught = number; }

int main(void) {
    int ends[2];
    char byte;
    open_pipe(ends);
    struct aiocb waiting = request(ends[0], &byte, 1, 0), *done;
    OK(aio_read(&waiting));
    struct timespec minute = {60, 0}, *timeouts[] = {NULL, &minute};
    for (int i = 0; i < 4; i++) {
        struct sigaction action = {.sa_handler = handler, .sa_flags = i / 2 ? SA_RESTART : 0};
        OK(sigaction(SIGALRM, &action, NULL));
        caught = 0;
        // Again and again, as the first may come before the wait.
        ualarm(50000, 50000);
        done = &waiting;
        FAILS(aio_waitcomplete(&done, timeouts[i % 2]), EINTR);
        CHECK(done == NULL);
        EQUAL(caught, SIGALRM);
        ualarm(0, 0);

        int descriptor = scratch_file(0);
        struct aiocb complete = request(descriptor, &byte, 1, 0), *list[2] = {NULL, NULL};
        OK(aio_fsync(O_SYNC, &complete));
        EQUAL(wait_for(&complete, 10), 0);
        unsigned int wanted = 2;
        caught = 0;
        ualarm(50000, 50000);
        FAILS(aio_waitn(list, 2, &wanted, timeouts[i % 2]), EINTR);
        ualarm(0, 0);
        EQUAL(caught, SIGALRM);
        EQUAL(wanted, 1);
        CHECK(list[0] == &complete);
        EQUAL(FINISH(&complete), 0);
        close(descriptor);
    }
    EQUAL(aio_error(&waiting), EINPROGRESS);
    EQUAL(write(ends[1], "x", 1), 1);
    EQUAL(aio_waitcomplete(&done, NULL), 1);
    CHECK(done == &waiting);
    return 0;
}
