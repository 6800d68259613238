// holds: When no thread can be started (clone: EAGAIN, as with RLIMIT_NPROC) a call works by another way or fails with EAGAIN; it works when there are some again, and no notification is lost.
// source: kaio (extension)
#include "../syscalls.h"
#include <stdatomic.h>

static atomic_int shortage, signalled, called;

static int refuse(const struct seccomp_data *call, pid_t thread) {
    (void)call, (void)thread;
    return shortage ? EAGAIN : 0;
}

static void handler(int number) { (void)number, signalled++; }
static void callback(union sigval value) { (void)value, called++; }

static int ends[2], files[2];
static unsigned char *data;

// Tries a dozen of requests of all kinds; gives how many worked.
static int try_all(void) {
    int worked = 0;
    for (int i = 0; i < 12; i++) {
        size_t size = i & 1 ? 4096 : 1 << 20;
        struct aiocb control = request(files[i / 2 % 2], data, size, 0);
        fill(data, size, 1, 0);
        int result = i % 3 == 0 ? aio_write(&control) : i % 3 == 1 ? aio_read(&control) : aio_fsync(O_SYNC, &control);
        if (result == 0) {
            EQUAL(FINISH(&control), i % 3 == 2 ? 0 : size);
            VERIFY(data, size, 1, 0);
            worked++;
        } else {
            EQUAL(errno, EAGAIN);
        }
    }
    char byte;
    struct aiocb waiting = request(ends[0], &byte, 1, 0);
    if (aio_read(&waiting) == 0) {
        EQUAL(write(ends[1], "x", 1), 1);
        EQUAL(FINISH(&waiting), 1);
        worked++;
    } else {
        EQUAL(errno, EAGAIN);
    }
    printf("%d of 13 requests worked\n", worked);
    return worked;
}

// Two requests that notify; gives how many were taken.
static int notify(struct aiocb controls[2]) {
    int taken = 0;
    for (int i = 0; i < 2; i++) {
        controls[i] = request(files[1], data, 4096, 0);
        controls[i].aio_sigevent.sigev_notify = i == 0 ? SIGEV_SIGNAL : SIGEV_THREAD;
        controls[i].aio_sigevent.sigev_signo = SIGRTMIN;
        if (i == 1) controls[i].aio_sigevent.sigev_notify_function = callback;
        if (aio_read(&controls[i]) == 0) {
            EQUAL(FINISH(&controls[i]), 4096);
            taken++;
        } else {
            EQUAL(errno, EAGAIN);
        }
    }
    return taken;
}

int main(void) {
    int calls[] = {SYS_clone, SYS_clone3};
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    OK(sigaction(SIGRTMIN, &action, NULL));
    OK(pipe(ends));
    data = aligned_buffer(1 << 20);
    for (int i = 0; i < 2; i++) {
        files[i] = scratch_file(i ? O_DIRECT : 0);
        write_pattern(files[i], 1 << 20, 1, 0);
    }
    watch_calls(refuse, calls, 2);
    struct aiocb during[2], after[2];
    shortage = 1;
    try_all();
    int expected = notify(during);
    shortage = 0;
    EQUAL(try_all(), 13);
    EQUAL(notify(after), 2);
    expected += 2;
    for (double end = now() + 10; signalled + called < expected && now() < end;) sleep_for(0.01);
    EQUAL(signalled + called, expected);
    return 0;
}
