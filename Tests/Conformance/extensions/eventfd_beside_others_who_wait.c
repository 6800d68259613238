// holds: KAIO_SIGEV_EVENTFD: who looks only when the eventfd says so misses nothing, though other threads wait for, look at, and collect requests meanwhile.
// source: kaio
// limit: 60
#include "../check.h"
#include "../../../include/kaio.h"
#include <poll.h>
#include <sys/eventfd.h>

enum { rounds = 3000, at_once = 4, size = 4096 };

static int ends[2];
static atomic_int done;

// Leads: it is this thread that the kernel's completions wake.
static void *wait_for_a_pipe(void *unused) {
    char byte;
    struct aiocb control = request(ends[0], &byte, 1, 0);
    const struct aiocb *list[1] = {&control};
    OK(aio_read(&control));
    while (aio_suspend(list, 1, NULL) != 0) EQUAL(errno, EINTR);
    EQUAL(FINISH(&control), 1);
    return unused;
}

// Looks at what is not done, and takes what it finds out of the ring.
static void *look(void *unused) {
    char byte;
    struct aiocb control = request(ends[0], &byte, 1, 0);
    OK(aio_read(&control));
    while (!done) EQUAL(aio_error(&control), EINPROGRESS);
    EQUAL(aio_cancel(ends[0], &control), AIO_CANCELED);
    EQUAL(aio_return(&control), -1);
    return unused;
}

static void run(int descriptor, int event, unsigned char *blocks) {
    struct aiocb controls[at_once];
    for (int round = 0; round < rounds; round++) {
        int left = at_once, finished[at_once] = {0};
        for (int i = 0; i < at_once; i++) {
            controls[i] = request(descriptor, blocks + i * size, size, i * size);
            controls[i].aio_sigevent.sigev_notify = KAIO_SIGEV_EVENTFD;
            controls[i].aio_sigevent.sigev_value.sival_int = event;
            OK(aio_read(&controls[i]));
        }
        while (left > 0) {
            struct pollfd ready = {event, POLLIN, 0};
            uint64_t value;
            if (poll(&ready, 1, 5000) != 1)
                failed(__FILE__, __LINE__, "round %d: %d of %d left and no signal within 5 s", round, left, at_once);
            EQUAL(read(event, &value, sizeof value), sizeof value);
            for (int i = 0; i < at_once; i++) {
                if (finished[i] || aio_error(&controls[i]) == EINPROGRESS) continue;
                EQUAL(aio_return(&controls[i]), size);
                finished[i] = 1;
                left--;
            }
        }
    }
}

int main(void) {
    int files[2] = {scratch_file(O_DIRECT), scratch_file(0)}, event = eventfd(0, EFD_CLOEXEC);
    unsigned char *blocks = aligned_buffer(at_once * size);
    open_pipe(ends);
    for (int i = 0; i < 2; i++) {
        write_pattern(files[i], at_once * size, 1, 0);
        pthread_t waiting, looking;
        done = 0;
        OK(pthread_create(&waiting, NULL, wait_for_a_pipe, NULL));
        sleep_for(0.05);
        run(files[i], event, blocks);
        OK(pthread_create(&looking, NULL, look, NULL));
        run(files[i], event, blocks);
        done = 1;
        OK(pthread_join(looking, NULL));
        EQUAL(write(ends[1], "x", 1), 1);
        OK(pthread_join(waiting, NULL));
        VERIFY(blocks, at_once * size, 1, 0);
    }
    return 0;
}
