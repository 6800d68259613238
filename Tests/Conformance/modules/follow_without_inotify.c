// holds: Where the limits of inotify are used up, follow says so once, and looks at the files every 100 ms.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=follow ordered aio_linux aio_poll aio_pthread'
#include "../syscalls.h"
#include "../vfs/vfs.h"

static atomic_int failing;

static int refuse(const struct seccomp_data *call, pid_t thread) {
    (void)thread;
    if (call->nr == SYS_inotify_init1) return failing == 1 ? EMFILE : 0;
    return failing == 2 ? ENOSPC : 0;
}

static void refused(int way) {
    const int calls[] = {SYS_inotify_init1, SYS_inotify_add_watch};
    static char data[64];
    failing = way;
    watch_calls(refuse, calls, 2);
    struct aiocb controls[8];
    int files[8];
    for (int i = 0; i < 8; i++) {
        files[i] = scratch_file(0);
        controls[i] = request(files[i], data, sizeof data, 0);
        OK(aio_read(&controls[i]));
        EQUAL(aio_error(&controls[i]), EINPROGRESS);
    }
    for (int i = 0; i < 8; i++) {
        EQUAL(pwrite(files[i], "now", 3, 0), 3);
        EQUAL(FINISH(&controls[i]), 3);
    }
    // The limit is there no more; other files have their watch.
    failing = 0;
    int file = scratch_file(0);
    struct aiocb control = request(file, data, sizeof data, 0);
    OK(aio_read(&control));
    EQUAL(pwrite(file, "now", 3, 0), 3);
    EQUAL(FINISH(&control), 3);
    exit(0);
}

int main(int count, char **arguments) {
    deadline(60);
    if (count > 1) refused(atoi(arguments[1]));
    struct child child;
    run_again(&child, "1", NULL, NULL);
    SUCCEEDED(&child);
    EQUAL(count_lines(child.errors, "kaio: follow:", NULL), 1);
    HAS(child.errors, "max_user_instances");
    HAS(child.errors, "100 ms");
    run_again(&child, "2", NULL, NULL);
    SUCCEEDED(&child);
    EQUAL(count_lines(child.errors, "kaio: follow:", NULL), 1);
    HAS(child.errors, "max_user_watches");
}
