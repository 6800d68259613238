// holds: Where no thread can be started, a write beyond RLIMIT_FSIZE fails with EFBIG, and its SIGXFSZ does not reach the program; one that was sent does.
// source: kaio (extension)
#include "../syscalls.h"
#include <sys/resource.h>

static int refuse(const struct seccomp_data *call UNUSED, pid_t thread UNUSED) { return EAGAIN; }

int main(void) {
    int calls[] = {SYS_clone, SYS_clone3}, file = scratch_file(0);
    struct rlimit limit = {4096, 4096};
    sigset_t set;
    watch_calls(refuse, calls, 2);
    OK(setrlimit(RLIMIT_FSIZE, &limit));
    struct aiocb control = request(file, "abc", 3, 8192);
    OK(aio_write(&control));
    FINISHES_WITH(&control, EFBIG);

    // The program's own stays pending.
    sigemptyset(&set);
    sigaddset(&set, SIGXFSZ);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    OK(raise(SIGXFSZ));
    control = request(file, "abc", 3, 8192);
    OK(aio_write(&control));
    FINISHES_WITH(&control, EFBIG);
    OK(sigpending(&set));
    CHECK(sigismember(&set, SIGXFSZ));
}
