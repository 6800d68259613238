// holds: What a module holds goes by priority below ordered, none waits for ever, and the library cancels it; a child of a fork has none of it.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=ordered mine aio_linux aio_poll aio_pthread'
// links: -Wl,-z,dynamic-undefined-weak
#include "vfs.h"
#include "../waiting.h"

static kaio_vfs_handle *handle;
static atomic_int stopped = 1, withdrawals;

// One at a time.
static void on_request(kaio_vfs_handle *mine, kaio_request *request) {
    handle = mine;
    EQUAL(kaio_vfs_hold(mine, request), 0);
    EQUAL(kaio_vfs_hold(mine, request), -1);
    EQUAL(KAIO_VFS_NEXT_AIO_READ(mine, request), -1);
}

static void pass_next_on(void) {
    kaio_request *request = stopped ? NULL : kaio_vfs_take(handle);
    if (!request) return;
    goes(kaio_request_offset(request));
    EQUAL(KAIO_VFS_NEXT_AIO_READ(handle, request), 0);
}

static ssize_t on_done(kaio_vfs_handle *mine, kaio_request *request, ssize_t result) {
    (void)request;
    CHECK(mine == handle);
    pass_next_on();
    return result;
}

static int on_withdraw(kaio_vfs_handle *mine, kaio_request *request, int must) {
    (void)mine, (void)request, (void)must;
    return withdrawals++ * 0;
}

int main(void) {
    struct kaio_vfs_fns fns = {.aio_read_fn = on_request, .aio_done_fn = on_done, .aio_withdraw_fn = on_withdraw};
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "mine", &fns));
    CHECK(kaio_vfs_hold);
    deadline(30);
    int file = scratch_file(0);
    write_pattern(file, (size_t)waiting_count * waiting_step, 1, 0);
    unsigned char *buffers = aligned_buffer(waiting_count * 4096);
    struct aiocb controls[waiting_count];
    for (int i = 0; i < waiting_count; i++) {
        controls[i] = request(file, buffers + i * 4096, 4096, (off_t)i * waiting_step);
        controls[i].aio_reqprio = priority_of_waiting(i);
        OK(aio_read(&controls[i]));
    }
    stopped = 0;
    pass_next_on();
    for (int i = 0; i < waiting_count; i++) {
        EQUAL(FINISH(&controls[i]), 4096);
        VERIFY(buffers + i * 4096, 4096, 1, (uint64_t)i * waiting_step);
    }
    check_waiting();
    CHECK(!kaio_vfs_take(handle));

    // Cancelled, closed, and what is left at a fork.
    stopped = 1;
    int copy = dup(file);
    struct aiocb one = request(file, buffers, 4096, 0), two = request(copy, buffers + 4096, 4096, 8192), three = one;
    three.aio_offset = 16384;
    OK(aio_read(&one));
    OK(aio_read(&two));
    OK(aio_read(&three));
    EQUAL(aio_cancel(file, &one), AIO_CANCELED);
    FINISHES_WITH(&one, ECANCELED);
    OK(close(copy));
    FINISHES_WITH(&two, ECANCELED);
    EQUAL(withdrawals, 0);
    pid_t child = fork();
    if (child == 0) {
        struct aiocb mine = request(file, buffers, 4096, 0);
        OK(aio_read(&mine));
        FAILS(aio_error(&three), EINVAL);
        stopped = 0;
        pass_next_on();
        EQUAL(FINISH(&mine), 4096);
        CHECK(!kaio_vfs_take(handle));
        _exit(0);
    }
    EXITS(child);
    // Taken out and not passed on, it is the module's.
    kaio_request *last = kaio_vfs_take(handle);
    EQUAL(kaio_request_offset(last), 16384);
    CHECK(!kaio_vfs_take(handle));
    EQUAL(aio_cancel(file, &three), AIO_NOTCANCELED);
    EQUAL(withdrawals, 1);
    EQUAL(kaio_vfs_hold(handle, last), 0);
    EQUAL(aio_cancel(file, &three), AIO_CANCELED);
    FINISHES_WITH(&three, ECANCELED);
}
