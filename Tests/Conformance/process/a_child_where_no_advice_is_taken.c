// holds: A child of fork has a library of its own where madvise is refused, or is said to be done and is not (qemu-user 7.2, which ends itself at a thread in the child: there none is started, and what needs one fails with EAGAIN).
// source: kaio (extension)
// limit: 40
#include "../syscalls.h"

enum { large = 1 << 20 };
static int answer;

static int see(const struct seccomp_data *call, pid_t thread) {
    (void)call, (void)thread;
    return answer;
}

static void handler(int number) { (void)number; }

static void use(int file, unsigned char *buffer, int has_threads) {
    int ends[2], result, number;
    char byte;
    sigset_t set;
    open_pipe(ends);
    // A worker does this one, the next waits for data, and the last one notifies.
    struct aiocb control = request(file, buffer, large, 0), waiting = request(ends[0], &byte, 1, 0);
    if (has_threads) OK(aio_read(&waiting));
    OK(aio_read(&control));
    EQUAL(FINISH(&control), large);
    VERIFY(buffer, large, 1, 0);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    control = request(file, buffer, 4096, 0);
    control.aio_sigevent.sigev_notify = SIGEV_SIGNAL;
    control.aio_sigevent.sigev_signo = SIGUSR1;
    if (!has_threads) {
        FAILS(aio_write(&control), EAGAIN);
        // The kernel may have it.
        OK(aio_read(&waiting));
        EQUAL(write(ends[1], "x", 1), 1);
        result = wait_for(&waiting, 10);
        CHECK(result == 0 || result == EAGAIN);
        EQUAL(count_threads(), 2);
        OK(close(ends[0]));
        OK(close(ends[1]));
        return;
    }
    OK(aio_write(&control));
    OK(sigwait(&set, &number));
    EQUAL(FINISH(&control), 4096);
    EQUAL(write(ends[1], "x", 1), 1);
    EQUAL(FINISH(&waiting), 1);
    result = aio_cancel(ends[0], NULL);
    EQUAL(result, AIO_ALLDONE);
    OK(close(ends[0]));
    OK(close(ends[1]));
}

static void fork_and_use(void) {
    static const int calls[] = {SYS_madvise};
    int file = scratch_file(0), ends[2];
    char byte;
    unsigned char *buffer = aligned_buffer(large);
    deadline(15);
    write_pattern(file, large, 1, 0);
    open_pipe(ends);
    watch_calls(see, calls, 1);
    use(file, buffer, 1);
    struct aiocb waiting = request(ends[0], &byte, 1, 0);
    OK(aio_read(&waiting));
    pid_t child = fork();
    if (child == 0) {
        deadline(12);
        // The parent's request is not the child's, and does not keep it from closing the descriptor.
        FAILS(aio_return(&waiting), EINVAL);
        OK(close(ends[0]));
        for (int i = 0; i < 3; i++) use(file, buffer, answer != pretend_done);
        _exit(0);
    }
    EXITS(child);
    EQUAL(aio_error(&waiting), EINPROGRESS);
    use(file, buffer, 1);
    EQUAL(write(ends[1], "x", 1), 1);
    EQUAL(FINISH(&waiting), 1);
}

int main(int count, char **words) {
    struct child child;
    signal(SIGUSR1, handler);
    if (count > 1) {
        answer = strcmp(words[1], "ignored") == 0 ? pretend_done : EINVAL;
        fork_and_use();
        return 0;
    }
    run_again(&child, "ignored", NULL, NULL);
    SUCCEEDED(&child);
    run_again(&child, "refused", NULL, NULL);
    SUCCEEDED(&child);
    return 0;
}
