// holds: A notification's si_pid is that of the child where a child of fork made the request, and its si_uid that of the user whom the process has become.
// source: sigaction ("si_pid", "si_uid"); kaio
#include "../check.h"

static void check_one(int file) {
    char block[512] = {0};
    struct aiocb control = request(file, block, sizeof block, 0);
    control.aio_sigevent.sigev_notify = SIGEV_SIGNAL;
    control.aio_sigevent.sigev_signo = SIGUSR1;
    OK(aio_write(&control));
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    siginfo_t info;
    const struct timespec limit = {10, 0};
    EQUAL(sigtimedwait(&set, &info, &limit), SIGUSR1);
    EQUAL(info.si_code, SI_ASYNCIO);
    EQUAL(info.si_pid, getpid());
    EQUAL(info.si_uid, getuid());
    EQUAL(FINISH(&control), sizeof block);
}

int main(void) {
    int file = scratch_file(0);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    check_one(file);
    for (int generation = 0; generation < 2; generation++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child > 0) {
            int status;
            EQUAL(waitpid(child, &status, 0), child);
            EQUAL(status, 0);
            break;
        }
        for (int i = 0; i < 3; i++) check_one(file);
        if (generation == 1 && getuid() == 0) {
            OK(setuid(65534));
            for (int i = 0; i < 3; i++) check_one(file);
        }
    }
    check_one(file);
}
