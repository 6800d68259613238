// holds: Two reads of one block through bufio read it once; one of them can be cancelled while it waits; and each is notified, whoever made the transfer.
// source: kaio
// limit: 60
#include "../check.h"

enum { size = 4096 };
static _Atomic int notified;

static void notify(union sigval value) { notified += value.sival_int; }

static int synchronization(int file) {
    struct aiocb control = request(file, NULL, 0, 0);
    OK(aio_fsync(O_SYNC, &control));
    return wait_for(&control, 10);
}

static void work(void) {
    int file = scratch_file(O_DIRECT);
    unsigned char *blocks = aligned_buffer(8 * size);
    fill(blocks, 8 * size, 1, 0);
    EQUAL(pwrite(file, blocks, 8 * size, 0), 8 * size);
    unsigned char *buffer[4];
    struct aiocb control[4];
    for (int i = 0; i < 4; i++) {
        buffer[i] = aligned_buffer(size);
        control[i] = request(file, buffer[i], size - 512 * i, 0);
    }
    control[3].aio_sigevent = (struct sigevent){.sigev_notify = SIGEV_THREAD, .sigev_notify_function = notify};
    control[3].aio_sigevent.sigev_value.sival_int = 1;
    double began = now();
    for (int i = 0; i < 4; i++) OK(aio_read(&control[i]));
    // The first one's transfer is under way; the others wait for it.
    EQUAL(aio_cancel(file, &control[1]), AIO_CANCELED);
    EQUAL(aio_error(&control[1]), ECANCELED);
    EQUAL(aio_return(&control[1]), -1);
    // Nobody looks, and the last one is notified all the same.
    while (!notified && now() - began < 20) sleep_for(0.01);
    EQUAL(notified, 1);
    for (int i = 0; i < 4; i++) {
        if (i == 1) continue;
        EQUAL(FINISH(&control[i]), size - 512 * i);
        VERIFY(buffer[i], (size_t)(size - 512 * i), 1, 0);
    }
    // The first one is cancelled by the close of its descriptor, or is not; the others are of another descriptor.
    int other = dup(file);
    struct aiocb first = request(other, buffer[0], size, 4 * size), second = request(file, buffer[1], 100, 4 * size + 7);
    OK(aio_read(&first));
    OK(aio_read(&second));
    OK(close(other));
    int error = wait_for(&first, 10);
    CHECK(error == 0 || error == ECANCELED);
    EQUAL(FINISH(&second), 100);
    VERIFY(buffer[1], 100, 1, 4 * size + 7);
    EQUAL(synchronization(file), 0);
    // All of its descriptors are closed while a read is under way.
    first = request(file, buffer[0], size, 6 * size);
    OK(aio_read(&first));
    OK(close(file));
    error = wait_for(&first, 10);
    CHECK(error == 0 || error == ECANCELED);
}

int main(int argc, char **argv) {
    (void)argv;
    deadline(50);
    if (argc > 1) {
        work();
        return 0;
    }
    static struct child child;
    char statistics[PATH_MAX + 32], path[PATH_MAX], json[8192];
    snprintf(statistics, sizeof statistics, "KAIO_STATS_FILE=%s", path_of(path, "stats"));
    run_again(&child, "work",
              (const char *const[]){"KAIO_VFS_OBJECTS=bufio ordered delay_inject aio_linux",
                                    "KAIO_VFS_PARAMETERS=delay_inject:delay=300ms; delay_inject:operations=read", statistics, NULL},
              NULL);
    SUCCEEDED(&child);
    take_file(path, json, sizeof json);
    // Eight reads of three blocks.
    EQUAL(stat_of(json, "bufio", "transfers_in"), 3);
}
