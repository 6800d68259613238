// holds: A module in C stands between others: it sees the errors injected below it, and those above see its own.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=full_audit mine error_inject ordered aio_linux aio_poll aio_pthread' 'KAIO_VFS_PARAMETERS=error_inject:rules = write ENOSPC every 2; full_audit:to = log'
// links: -Wl,-z,dynamic-undefined-weak
#include "vfs.h"

static atomic_int no_space;

static ssize_t on_done(kaio_vfs_handle *handle, kaio_request *request, ssize_t result) {
    (void)handle, (void)request;
    if (result != -ENOSPC) return result;
    no_space++;
    return -EDQUOT;
}

static void work(void) {
    struct kaio_vfs_fns fns = {.aio_done_fn = on_done};
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "mine", &fns));
    int file = scratch_file(0), failed_writes = 0;
    for (int i = 0; i < 10; i++) {
        struct aiocb control = request(file, "abcd", 4, 4 * i);
        OK(aio_write(&control));
        int error = wait_for(&control, 10);
        CHECK(error == 0 || error == EDQUOT);
        failed_writes += error == EDQUOT;
    }
    EQUAL(failed_writes, 5);
    EQUAL(no_space, 5);
}

int main(int count, char **arguments) {
    if (count > 1 && strcmp(arguments[1], "work") == 0) {
        work();
        return 0;
    }
    static struct child child;
    char path[PATH_MAX], text[32768];
    const char *const environment[] = {NULL};
    run_again(&child, "work", environment, NULL);
    SUCCEEDED(&child);
    take_file(path_of(path, "log"), text, sizeof text);
    EQUAL(count_lines(text, "EDQUOT", NULL), 5);
    EQUAL(count_lines(text, "ENOSPC", NULL), 0);
}
