// holds: Where io_setup gives ENOSYS, EPERM or EAGAIN the program does not notice; one line says why, and what would help, unless KAIO_VERBOSE=0.
// source: kaio
// limit: 60
#include "../refuse.h"

static int refusal;

static void refuse_io_setup(void) { refuse((int[]){SYS_io_setup}, 1, refusal); }

static atomic_int called;

static void finished(union sigval value) { called += value.sival_int; }

// Some of everything: files buffered and direct, a pipe, a list, fsync, a notification, a timeout, cancel.
static void work(void) {
    enum { count = 64, size = 8192 };
    EQUAL(syscall(SYS_io_setup, 1, &(unsigned long){0}), -1);
    for (int round = 0; round < 2; round++) {
        int descriptor = scratch_file(round ? O_DIRECT : 0), ends[2];
        unsigned char *blocks = aligned_buffer(count * size);
        static struct aiocb controls[count];
        struct aiocb *list[count];
        fill(blocks, count * size, 1, 0);
        for (int i = 0; i < count; i++) {
            controls[i] = request(descriptor, blocks + i * size, size, i * size);
            OK(aio_write(&controls[i]));
        }
        struct aiocb sync = request(descriptor, NULL, 0, 0);
        OK(aio_fsync(O_SYNC, &sync));
        EQUAL(FINISH(&sync), 0);
        for (int i = 0; i < count; i++) EQUAL(FINISH(&controls[i]), size);
        memset(blocks, 0, count * size);
        for (int i = 0; i < count; i++) {
            controls[i].aio_lio_opcode = LIO_READ;
            list[i] = &controls[i];
        }
        OK(lio_listio(LIO_WAIT, list, count, NULL));
        for (int i = 0; i < count; i++) EQUAL(aio_return(&controls[i]), size);
        VERIFY(blocks, count * size, 1, 0);

        open_pipe(ends);
        char byte, never;
        struct aiocb piped = request(ends[0], &byte, 1, 0), behind = request(ends[0], &never, 1, 0);
        piped.aio_sigevent.sigev_notify = SIGEV_THREAD;
        piped.aio_sigevent.sigev_notify_function = finished;
        piped.aio_sigevent.sigev_value.sival_int = 1;
        OK(aio_read(&piped));
        OK(aio_read(&behind));
        const struct aiocb *waiting[] = {&piped};
        const struct timespec timeout = {0, 100000000};
        int64_t took;
        FAILS(timed_suspend(waiting, 1, &timeout, &took), EAGAIN);
        CHECK(took >= 100000000);
        EQUAL(aio_cancel(ends[0], &behind), AIO_CANCELED);
        EQUAL(write(ends[1], "x", 1), 1);
        OK(aio_suspend(waiting, 1, NULL));
        EQUAL(aio_return(&piped), 1);
        for (double end = now() + 10; called <= round && now() < end;) sleep_for(0.001);
        EQUAL(called, round + 1);
    }
}

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1) {
        work();
        return 0;
    }
    const int refusals[] = {ENOSYS, EPERM, EAGAIN};
    for (int i = 0; i < 3; i++) {
        refusal = refusals[i];
        char path[PATH_MAX], setting[PATH_MAX + 32], json[4096];
        snprintf(setting, sizeof setting, "KAIO_STATS_FILE=%s", path_of(path, "stats"));
        struct child child;
        run_again(&child, "work", (const char *[]){"KAIO_VERBOSE=1", setting, NULL}, refuse_io_setup);
        SUCCEEDED(&child);
        printf("%s", child.errors);
        EQUAL(count_lines(child.errors, "io_setup", NULL), 1);
        take_file(path, json, sizeof json);
        // What the page cache has is read in the call.
        CHECK(stat_of(json, "modules", "aio_linux") <= 64);
        EQUAL(stat_of(json, "harvested", "caller") + stat_of(json, "harvested", "leader"), 0);
        CHECK(stat_of(json, "modules", "aio_pthread") > 0);
        unlink(path);
        run_again(&child, "work", (const char *[]){NULL}, refuse_io_setup);
        SUCCEEDED(&child);
        EQUAL(count_lines(child.errors, "", NULL), 1);
        EQUAL(count_lines(child.errors, "io_setup", refusal == EAGAIN ? "sysctl fs.aio-max-nr=" : "seccomp profile"), 1);
        EQUAL(count_lines(child.errors, "worker threads", "kaio doctor"), 1);
        run_again(&child, "work", (const char *[]){"KAIO_VERBOSE=0", NULL}, refuse_io_setup);
        SUCCEEDED(&child);
        EQUAL(strlen(child.errors), 0);
    }
}
