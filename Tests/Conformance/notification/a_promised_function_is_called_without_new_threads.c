// holds: A request that was accepted calls its function (SIGEV_THREAD) though no thread can be had from then on; where none is there for it, the call fails with EAGAIN.
// source: aio_read ("[EAGAIN] The requested asynchronous I/O operation was not queued due to system resource limitations"); sigevent ("a notification function shall be called")
#include "../syscalls.h"

static atomic_int shortage, told;

static int see(const struct seccomp_data *call, pid_t thread) {
    (void)call, (void)thread;
    return shortage;
}

static void tell(union sigval value) { told += value.sival_int; }

static struct aiocb telling(int descriptor, char *byte, int value) {
    struct aiocb control = request(descriptor, byte, 1, 0);
    control.aio_sigevent.sigev_notify = SIGEV_THREAD;
    control.aio_sigevent.sigev_notify_function = tell;
    control.aio_sigevent.sigev_value.sival_int = value;
    return control;
}

// One after the other: a thread that waits for a function goes in a second, but for the last.
static void accepted(int error) {
    enum { count = 8 };
    int ends[2];
    char bytes[count];
    struct aiocb controls[count];
    open_pipe(ends);
    for (int i = 0; i < count; i++) {
        controls[i] = telling(ends[0], &bytes[i], 1);
        OK(aio_read(&controls[i]));
    }
    shortage = error;
    for (int i = 0; i < count; i++) {
        if (i == count / 2) sleep_for(2.5);
        EQUAL(write(ends[1], "x", 1), 1);
        while (told < i + 1) sleep_for(0.001);
        EQUAL(FINISH(&controls[i]), 1);
    }
    // What comes now is called too, or refused.
    struct aiocb list_member = request(scratch_file(0), bytes, 1, 0), *members[1] = {&list_member};
    list_member.aio_lio_opcode = LIO_READ;
    struct sigevent event = telling(-1, bytes, 1).aio_sigevent;
    int before = told;
    if (lio_listio(LIO_NOWAIT, members, 1, &event) == 0)
        while (told == before) sleep_for(0.001);
    else EQUAL(errno, EAGAIN);
    exit(0);
}

static void refused(int error) {
    char byte;
    int file = scratch_file(0);
    EQUAL(write(file, "x", 1), 1);
    shortage = error;
    struct aiocb control = telling(file, &byte, 1);
    FAILS(aio_read(&control), EAGAIN);
    struct aiocb *members[1] = {&control};
    control.aio_lio_opcode = LIO_READ;
    FAILS(lio_listio(LIO_NOWAIT, members, 1, NULL), EAGAIN);
    // And when there can be threads again.
    shortage = 0;
    sleep_for(1.1);
    OK(aio_read(&control));
    while (!told) sleep_for(0.001);
    EQUAL(FINISH(&control), 1);
    exit(0);
}

int main(int count, char **arguments) {
    deadline(40);
    if (count > 1) {
        watch_calls(see, (int[]){SYS_clone, SYS_clone3}, 2);
        int error = strchr(arguments[1], 'p') ? EPERM : EAGAIN;
        if (arguments[1][0] == 'a') accepted(error);
        refused(error);
    }
    static const char *const ways[] = {"aa", "ap", "ra", "rp"};
    for (int i = 0; i < 4; i++) {
        struct child child;
        run_again(&child, ways[i], NULL, NULL);
        SUCCEEDED(&child);
    }
}
