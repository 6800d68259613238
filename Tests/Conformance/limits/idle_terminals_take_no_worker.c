// holds: Reads of terminals, more than there are workers, wait without a thread for each, and each gets its line; so does a read of a FIFO opened for both directions.
// source: kaio
#include "../check.h"
#include <sys/stat.h>

enum { count = 24 };

int main(void) {
    int masters[count], terminals[count];
    char lines[count + 1][16], path[PATH_MAX];
    struct aiocb controls[count + 1];
    for (int i = 0; i < count; i++) {
        masters[i] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
        CHECK(masters[i] >= 0 && grantpt(masters[i]) == 0 && unlockpt(masters[i]) == 0);
        terminals[i] = open(ptsname(masters[i]), O_RDWR | O_NOCTTY | O_CLOEXEC);
        CHECK(terminals[i] >= 0);
        controls[i] = request(terminals[i], lines[i], sizeof lines[i], 0);
        OK(aio_read(&controls[i]));
    }
    OK(mkfifo(path_of(path, "fifo"), 0600));
    int fifo = open(path, O_RDWR | O_CLOEXEC);
    CHECK(fifo >= 0);
    controls[count] = request(fifo, lines[count], 4, 0);
    OK(aio_read(&controls[count]));
    sleep_for(0.3);
    EQUAL(count_threads_named("kaio-worker"), 0);
    for (int i = 0; i <= count; i++) EQUAL(aio_error(&controls[i]), EINPROGRESS);
    // One is cancelled, and takes nothing.
    EQUAL(aio_cancel(terminals[0], &controls[0]), AIO_CANCELED);
    FINISHES_WITH(&controls[0], ECANCELED);
    EQUAL(write(masters[0], "kept\n", 5), 5);
    EQUAL(read(terminals[0], lines[0], sizeof lines[0]), 5);
    for (int i = count - 1; i > 0; i--) EQUAL(write(masters[i], "line\n", 5), 5);
    EQUAL(write(fifo, "fifo", 4), 4);
    for (int i = 1; i < count; i++) {
        EQUAL(FINISH(&controls[i]), 5);
        EQUAL(memcmp(lines[i], "line\n", 5), 0);
    }
    EQUAL(FINISH(&controls[count]), 4);
}
