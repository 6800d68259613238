// holds: KAIO_SIGEV_EVENTFD: what is not in the page cache, buffered writes, large reads, fsync, pipes, and what waits for its turn signal the eventfd too.
// source: kaio
// limit: 40
#include "../check.h"
#include "../../../include/kaio.h"
#include <poll.h>
#include <sys/eventfd.h>

enum { size = 1 << 20, kinds = 9 };

static int event;

static struct aiocb *prepare(struct aiocb *control) {
    control->aio_sigevent.sigev_notify = KAIO_SIGEV_EVENTFD;
    control->aio_sigevent.sigev_value.sival_int = event;
    return control;
}

// Looks only when the eventfd says so, and not otherwise.
static ssize_t follow(struct aiocb *control) {
    for (;;) {
        struct pollfd ready = {event, POLLIN, 0};
        uint64_t value;
        if (poll(&ready, 1, 10000) != 1) failed(__FILE__, __LINE__, "no signal within 10 s");
        EQUAL(read(event, &value, sizeof value), sizeof value);
        int error = aio_error(control);
        if (error == EINPROGRESS) continue;
        EQUAL(error, 0);
        return aio_return(control);
    }
}

int main(void) {
    int descriptor = scratch_file(0), direct = scratch_file(O_DIRECT), ends[2];
    unsigned char *out = aligned_buffer(size), *in = aligned_buffer(size);
    event = eventfd(0, EFD_CLOEXEC);
    open_pipe(ends);
    fill(out, size, 1, 0);
    for (int i = 0; i < 20; i++) {
        struct aiocb control = request(descriptor, out, size, 0);
        OK(aio_write(prepare(&control)));
        EQUAL(follow(&control), size);
        OK(aio_fsync(O_DSYNC, prepare(&control)));
        EQUAL(follow(&control), 0);
        OK(posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED));
        control = request(descriptor, in, 4096, 0);
        OK(aio_read(prepare(&control)));
        EQUAL(follow(&control), 4096);
        // Its first part is in the cache, the rest is not.
        control = request(descriptor, in, 65536, 0);
        OK(aio_read(prepare(&control)));
        EQUAL(follow(&control), 65536);
        control = request(descriptor, in, size, 0);
        OK(aio_read(prepare(&control)));
        EQUAL(follow(&control), size);
        VERIFY(in, size, 1, 0);
        control = request(direct, out, 4096, i * 4096);
        OK(aio_write(prepare(&control)));
        EQUAL(follow(&control), 4096);

        control = request(ends[0], in, 10, 0);
        OK(aio_read(prepare(&control)));
        EQUAL(aio_error(&control), EINPROGRESS);
        EQUAL(write(ends[1], "x", 1), 1);
        EQUAL(follow(&control), 1);
        control = request(ends[1], out, 10, 0);
        OK(aio_write(prepare(&control)));
        EQUAL(follow(&control), 10);
        EQUAL(read(ends[0], in, 10), 10);

        // Each waits for the one before, and nobody looks at that one.
        struct aiocb chain[10];
        for (int j = 0; j < 10; j++) {
            chain[j] = request(direct, out, 4096, 0);
            if (j == 9) prepare(&chain[j]);
            OK(aio_write(&chain[j]));
        }
        EQUAL(follow(&chain[9]), 4096);
        for (int j = 0; j < 9; j++) EQUAL(FINISH(&chain[j]), 4096);
    }
    return 0;
}
