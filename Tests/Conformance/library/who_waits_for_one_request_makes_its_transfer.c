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

static int slow, fast;
static char buffer[SIZE], *aligned;

// Where the machine is so busy that a transfer takes long, nobody makes it: then the worker does, and it is tried again.
static void *let_go(void *unused) {
    sleep_for(0.5);
    device->held_reads = 0;
    return unused;
}

static void write_one(int i) {
    fill(buffer, SIZE, 1, i * SIZE);
    struct aiocb control = request(fast, buffer, SIZE, i * SIZE);
    OK(aio_write(&control));
    EQUAL(finish(&control), 0);
    EQUAL(aio_return(&control), SIZE);
}

// Whether a write was done while the only worker was taken.
static int is_done_here(void) {
    struct aiocb stuck = request(slow, aligned, SIZE, 0), late = request(fast, buffer, SIZE, 0);
    for (int i = 0; i < BEFORE; i++) write_one(i);
    fill(buffer, SIZE, 1, 0);
    // The worker is late with this one.
    device->held_reads = 1;
    OK(aio_read(&stuck));
    OK(aio_write(&late));
    sleep_for(0.01);
    device->held_reads = 0;
    while (aio_error(&late) == EINPROGRESS) sleep_for(0.001);
    EQUAL(aio_return(&late), SIZE);
    EQUAL(FINISH(&stuck), SIZE);
    // It is taken again.
    device->held_reads = 1;
    OK(aio_read(&stuck));
    pthread_t thread;
    OK(pthread_create(&thread, NULL, let_go, NULL));
    write_one(1);
    struct rlimit limit, before;
    OK(getrlimit(RLIMIT_FSIZE, &limit));
    before = limit;
    limit.rlim_cur = BEFORE * SIZE;
    OK(setrlimit(RLIMIT_FSIZE, &limit));
    struct aiocb beyond = request(fast, buffer, SIZE, BEFORE * SIZE);
    OK(aio_write(&beyond));
    EQUAL(finish(&beyond), EFBIG);
    EQUAL(aio_return(&beyond), -1);
    OK(setrlimit(RLIMIT_FSIZE, &before));
    sigset_t pending;
    OK(sigpending(&pending));
    CHECK(!sigismember(&pending, SIGXFSZ));
    int is_here = aio_error(&stuck) == EINPROGRESS;
    OK(pthread_join(thread, NULL));
    EQUAL(FINISH(&stuck), SIZE);
    for (int i = 0; i < BEFORE; i++) {
        EQUAL(pread(fast, buffer, SIZE, i * SIZE), SIZE);
        VERIFY(buffer, SIZE, 1, i * SIZE);
    }
    return is_here;
}

int main(void) {
    deadline(50);
    device_make();
    slow = open(device_path, O_RDWR | O_DIRECT), fast = scratch_file(0);
    CHECK(slow >= 0);
    aligned = aligned_buffer(SIZE);
    int is_here = 0;
    for (int round = 0; round < 30 && !is_here; round++) is_here = is_done_here();
    CHECK(is_here);
    free(aligned);
}
