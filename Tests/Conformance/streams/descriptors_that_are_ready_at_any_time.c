// holds: A read gives what a plain one gives at once, whatever poll says: 0 of a FIFO that had no writer yet, opened with O_NONBLOCK whose flag was cleared; the counter of perf_event_open; EINVAL of an epoll.
// source: kaio
#include "streams.h"
#include <linux/perf_event.h>
#include <sys/epoll.h>

static void check_stream(void) {
    char path[PATH_MAX], block[64];
    path_of(path, "fifo-of-nobody");
    unlink(path);
    OK(mkfifo(path, 0600));
    int fifo = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    CHECK(fifo >= 0);
    OK(fcntl(fifo, F_SETFL, 0));
    struct aiocb control = request(fifo, block, sizeof block, 0);
    OK(aio_read(&control));
    EQUAL(FINISH(&control), 0);
    // With a writer it waits, until data come or the writer goes.
    int writer = open(path, O_WRONLY | O_CLOEXEC);
    CHECK(writer >= 0);
    OK(aio_read(&control));
    EQUAL(wait_for(&control, 0.1), EINPROGRESS);
    EQUAL(write(writer, "data", 4), 4);
    EQUAL(FINISH(&control), 4);
    OK(aio_read(&control));
    EQUAL(wait_for(&control, 0.1), EINPROGRESS);
    close(writer);
    EQUAL(FINISH(&control), 0);
    unlink(path);

    struct perf_event_attr attributes = {
        .type = PERF_TYPE_SOFTWARE, .size = sizeof attributes, .config = PERF_COUNT_SW_CPU_CLOCK};
    int counter = (int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
    if (counter >= 0) {
        control = request(counter, block, sizeof block, 0);
        OK(aio_read(&control));
        EQUAL(FINISH(&control), 8);
    }
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    control = request(epoll, block, sizeof block, 0);
    OK(aio_read(&control));
    FINISHES_WITH(&control, EINVAL);
}
