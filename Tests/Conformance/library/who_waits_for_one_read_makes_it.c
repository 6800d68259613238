// holds: Who waits in aio_suspend for nothing but a read that no worker has begun makes it itself, if the disk answered at once of late; with a timeout it does not.
// source: kaio
// environment: KAIO_WORKERS=1
// limit: 60
#include "../modules/device.h"

enum { SIZE = 4096, BEFORE = 160, BLOCKS = 256, yes = 40, no = 41 };

static int slow, disk;
static char buffer[SIZE], *aligned;

// What was written is on the disk only, and what is read brings nothing else.
static void make_cold(void) {
    for (int i = 0; i < BLOCKS; i++) write_pattern(disk, SIZE, i, i * SIZE);
    OK(fsync(disk));
    OK(posix_fadvise(disk, 0, 0, POSIX_FADV_DONTNEED));
    OK(posix_fadvise(disk, 0, 0, POSIX_FADV_RANDOM));
}

static void read_one(int i, const struct timespec *timeout) {
    struct aiocb control = request(disk, buffer, SIZE, i * SIZE);
    const struct aiocb *list[] = {NULL, &control};
    OK(aio_read(&control));
    while (aio_error(&control) == EINPROGRESS) OK(aio_suspend(list, 2, timeout));
    EQUAL(aio_error(&control), 0);
    EQUAL(aio_return(&control), SIZE);
    VERIFY(buffer, SIZE, i, i * SIZE);
}

static void *let_go(void *unused) {
    sleep_for(0.5);
    device->held_reads = 0;
    return unused;
}

// Whether a read was done while the only worker was taken. In a process of its own, whose worker was never late before.
static int is_done_here(const struct timespec *timeout) {
    make_cold();
    pid_t child = fork();
    CHECK(child >= 0);
    if (child > 0) {
        int status;
        EQUAL(waitpid(child, &status, 0), child);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) / 2 == yes / 2);
        return WEXITSTATUS(status) == yes;
    }
    for (int i = 0; i < BEFORE; i++) read_one(i, NULL);
    struct aiocb stuck = request(slow, aligned, SIZE, 0);
    device->held_reads = 1;
    OK(aio_read(&stuck));
    pthread_t thread;
    OK(pthread_create(&thread, NULL, let_go, NULL));
    read_one(BLOCKS - 1, timeout);
    int is_here = aio_error(&stuck) == EINPROGRESS;
    OK(pthread_join(thread, NULL));
    EQUAL(FINISH(&stuck), SIZE);
    _exit(is_here ? yes : no);
}

int main(void) {
    deadline(50);
    device_make();
    slow = open(device_path, O_RDWR | O_DIRECT), disk = scratch_file(0);
    CHECK(slow >= 0);
    aligned = aligned_buffer(SIZE);
    // Not where the page is in the cache after all, or the machine so busy that the disk seems slow.
    int is_here = 0;
    for (int round = 0; round < 8 && !is_here; round++) is_here = is_done_here(NULL);
    CHECK(is_here);
    struct timespec timeout = {30, 0};
    for (int round = 0; round < 30 && is_here; round++) is_here = is_done_here(&timeout);
    CHECK(!is_here);
    free(aligned);
}
