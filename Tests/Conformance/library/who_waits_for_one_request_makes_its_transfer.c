// holds: Where the workers were late, who waits in aio_suspend for one request only, which no thread has begun, makes its transfer if the device was quick of late; a limit of the file's size raises no signal in it.
// source: kaio
// environment: KAIO_WORKERS=1
// limit: 60
#include "../modules/device.h"

#include <sys/resource.h>

enum { SIZE = 4096, BEFORE = 20 };

static int finish(struct aiocb *control) {
    const struct aiocb *list[] = {NULL, control};
    while (aio_error(control) == EINPROGRESS) OK(aio_suspend(list, 2, NULL));
    return aio_error(control);
}

int main(void) {
    deadline(30);
    device_make();
    int slow = open(device_path, O_RDWR | O_DIRECT), fast = scratch_file(0);
    CHECK(slow >= 0);
    char buffer[SIZE], *aligned = aligned_buffer(SIZE);
    struct aiocb control;
    for (int i = 0; i < BEFORE; i++) {
        control = request(fast, buffer, SIZE, i * SIZE);
        OK(aio_write(&control));
        EQUAL(FINISH(&control), SIZE);
    }
    // The only worker is taken, and late with the next.
    device->held_reads = 1;
    struct aiocb stuck = request(slow, aligned, SIZE, 0);
    OK(aio_read(&stuck));
    control = request(fast, buffer, SIZE, 0);
    OK(aio_write(&control));
    sleep_for(0.01);
    device->held_reads = 0;
    EQUAL(FINISH(&control), SIZE);
    EQUAL(FINISH(&stuck), SIZE);
    // It is taken again.
    device->held_reads = 1;
    stuck = request(slow, aligned, SIZE, 0);
    OK(aio_read(&stuck));
    for (int i = 0; i < BEFORE; i++) {
        fill(buffer, SIZE, 1, i * SIZE);
        control = request(fast, buffer, SIZE, i * SIZE);
        OK(aio_write(&control));
        EQUAL(finish(&control), 0);
        EQUAL(aio_return(&control), SIZE);
        memset(buffer, 0, sizeof buffer);
        EQUAL(pread(fast, buffer, SIZE, i * SIZE), SIZE);
        VERIFY(buffer, SIZE, 1, i * SIZE);
    }
    struct rlimit limit;
    OK(getrlimit(RLIMIT_FSIZE, &limit));
    limit.rlim_cur = BEFORE * SIZE;
    OK(setrlimit(RLIMIT_FSIZE, &limit));
    control = request(fast, buffer, SIZE, BEFORE * SIZE);
    OK(aio_write(&control));
    EQUAL(finish(&control), EFBIG);
    EQUAL(aio_return(&control), -1);
    sigset_t pending;
    OK(sigpending(&pending));
    CHECK(!sigismember(&pending, SIGXFSZ));
    EQUAL(aio_error(&stuck), EINPROGRESS);
    device->held_reads = 0;
    EQUAL(FINISH(&stuck), SIZE);
    free(aligned);
}
