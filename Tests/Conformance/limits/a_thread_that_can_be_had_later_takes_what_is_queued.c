// holds: What was queued while no thread could be had (clone: EAGAIN) and the only worker sleeps in a slow read is done when there can be one again, without another request.
// source: kaio (extension)
#include "../syscalls.h"

enum { size = 1 << 20 };

static int files[2];
static atomic_int shortage, refused;

static int see(const struct seccomp_data *call, pid_t thread) {
    (void)thread;
    if (call->nr == SYS_clone || call->nr == SYS_clone3) {
        refused += shortage;
        return shortage ? EAGAIN : 0;
    }
    return (int)call->args[0] == files[0] && call->args[2] > 1 ? hold_call : 0;
}

int main(void) {
    static const int calls[] = {SYS_clone, SYS_clone3, SYS_pread64};
    unsigned char *data[2];
    struct aiocb controls[2];
    deadline(15);
    for (int i = 0; i < 2; i++) {
        files[i] = scratch_file(0);
        data[i] = aligned_buffer(size);
        write_pattern(files[i], size, (unsigned)i, 0);
        controls[i] = request(files[i], data[i], size, 0);
    }
    watch_calls(see, calls, 3);
    OK(aio_read(&controls[0]));
    while (!held_call) sleep_for(0.001);
    shortage = 1;
    OK(aio_read(&controls[1]));
    while (!refused) sleep_for(0.001);
    sleep_for(0.1);
    shortage = 0;
    const struct aiocb *list[1] = {&controls[1]};
    OK(aio_suspend(list, 1, NULL));
    EQUAL(aio_return(&controls[1]), size);
    VERIFY(data[1], size, 1, 0);
    EQUAL(aio_error(&controls[0]), EINPROGRESS);
    release_call();
    EQUAL(FINISH(&controls[0]), size);
    VERIFY(data[0], size, 0, 0);
    return 0;
}
