// holds: What the kernel says of a descriptor is the request's status, as it says it: EIO of a statx is not EBADF; and what is interrupted (EINTR) is done again.
// source: aio_error ("the value returned is the error status as described for read(), write()...")
#include "../syscalls.h"

static atomic_int error, call, times;

static void fail_next(int which, int how, int many) {
    error = how;
    call = which;
    times = many;
}

static int fail(const struct seccomp_data *data, pid_t thread) {
    (void)thread;
    return data->nr == call && times-- > 0 ? error : 0;
}

int main(void) {
    enum { size = 4096 };
    static const int calls[] = {SYS_statx, SYS_preadv2, SYS_pread64, SYS_recvmsg, SYS_pwritev2};
    int file = scratch_file(0), ends[2];
    unsigned char *buffer = aligned_buffer(size);
    write_pattern(file, size, 1, 0);
    OK(pipe(ends));
    watch_calls(fail, calls, sizeof calls / sizeof *calls);
    struct aiocb control = request(file, buffer, size, 0);
    // The library is up, and forgets within a tick what it knows of the descriptor.
    OK(aio_read(&control));
    EQUAL(FINISH(&control), size);
    sleep_for(0.1);
    static const int errors[] = {EIO, ENOMEM, ENOTCONN};
    for (int i = 0; i < 3; i++) {
        fail_next(SYS_statx, errors[i], 100);
        control = request(file, buffer, size, 0);
        OK(aio_read(&control));
        FINISHES_WITH(&control, errors[i]);
        times = 0;
    }
    static const int interrupted[] = {SYS_preadv2, SYS_pread64};
    for (int i = 0; i < 2; i++) {
        fail_next(interrupted[i], EINTR, 3);
        memset(buffer, 0, size);
        control = request(file, buffer, size, 0);
        OK(aio_read(&control));
        EQUAL(FINISH(&control), size);
        VERIFY(buffer, size, 1, 0);
    }
    // Of a pipe with data and room.
    fail_next(SYS_preadv2, EINTR, 3);
    EQUAL(write(ends[1], "x", 1), 1);
    control = request(ends[0], buffer, 1, 0);
    OK(aio_read(&control));
    EQUAL(FINISH(&control), 1);
    CHECK(times <= 0);
    fail_next(SYS_pwritev2, EINTR, 3);
    control = request(ends[1], buffer, 1, 0);
    OK(aio_write(&control));
    EQUAL(FINISH(&control), 1);
    CHECK(times <= 0);
    return 0;
}
