// holds: What the kernel's AIO does not take still works: eventfd, timerfd, terminals, FIFOs, /proc; a directory is an error.
// source: kaio (the standard is silent)
#include "../check.h"

#include <sys/eventfd.h>
#include <sys/timerfd.h>

int main(void) {
    char text[64] = {0};
    struct aiocb control;

    // An eventfd: first empty, then counted up.
    int event = eventfd(0, EFD_CLOEXEC);
    uint64_t value = 0, nine = 9;
    control = request(event, &value, 8, 0);
    OK(aio_read(&control));
    struct aiocb other = request(event, &nine, 8, 0);
    OK(aio_write(&other));
    EQUAL(FINISH(&other), 8);
    EQUAL(FINISH(&control), 8);
    EQUAL(value, 9);

    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    struct itimerspec soon = {.it_value = {0, 50000000}};
    OK(timerfd_settime(timer, 0, &soon, NULL));
    value = 0;
    control = request(timer, &value, 8, 0);
    OK(aio_read(&control));
    EQUAL(FINISH(&control), 8);
    EQUAL(value, 1);

    // A terminal, from both sides.
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    int terminal = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(terminal >= 0);
    control = request(terminal, text, sizeof text, 0);
    OK(aio_read(&control));
    other = request(master, "line\n", 5, 0);
    OK(aio_write(&other));
    EQUAL(FINISH(&other), 5);
    EQUAL(FINISH(&control), 5);
    CHECK(memcmp(text, "line\n", 5) == 0);
    other = request(terminal, "out", 3, 0);
    OK(aio_write(&other));
    EQUAL(FINISH(&other), 3);
    control = request(master, text, sizeof text, 0);
    OK(aio_read(&control));
    CHECK(FINISH(&control) > 0);

    char path[PATH_MAX];
    OK(mkfifo(path_of(path, "fifo"), 0600));
    int fifo = open(path, O_RDWR | O_CLOEXEC);
    unlink(path);
    control = request(fifo, text, 4, 0);
    OK(aio_read(&control));
    other = request(fifo, "fifo", 4, 0);
    OK(aio_write(&other));
    EQUAL(FINISH(&other), 4);
    EQUAL(FINISH(&control), 4);
    CHECK(memcmp(text, "fifo", 4) == 0);

    int proc = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    control = request(proc, text, sizeof text - 1, 0);
    OK(aio_read(&control));
    CHECK(FINISH(&control) > 0);
    EQUAL(atoi(text), getpid());

    int directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    control = request(directory, text, sizeof text, 0);
    OK(aio_read(&control));
    FINISHES_WITH(&control, EISDIR);
    check_service();
}
