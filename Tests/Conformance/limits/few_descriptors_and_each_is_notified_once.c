// holds: However few descriptors are free at the first request (RLIMIT_NOFILE), and though the queue of signals is full, each request that was taken notifies once, without anybody looking.
// source: aio_read ("If ... the aio_sigevent ... the asynchronous notification shall occur")
// limit: 60
#include "../check.h"
#include "kaio.h"
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

enum { most = 10, size = 4096 };

static atomic_int called;
static void callback(union sigval value) { (void)value, called++; }

static void set_limit(int resource, rlim_t value) {
    struct rlimit limit;
    OK(getrlimit(resource, &limit));
    limit.rlim_cur = value;
    OK(setrlimit(resource, &limit));
}

enum kind { by_signal, by_function, by_eventfd, by_list, kinds };

static void try_with(int free_descriptors, enum kind kind, int is_queue_full) {
    int ends[2], files[2] = {scratch_file(0), scratch_file(O_DIRECT)}, taken = 0;
    struct pollfd events[4];
    unsigned char *buffers = aligned_buffer(4 * size);
    struct aiocb controls[4];
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
    OK(pipe(ends));
    for (int i = 0; i < 4; i++) events[i] = (struct pollfd){eventfd(0, 0), POLLIN, 0};
    write_pattern(files[0], 4 * size, 1, 0);
    write_pattern(files[1], 4 * size, 1, 0);
    int last = 0, descriptors[64];
    struct rlimit signals;
    OK(getrlimit(RLIMIT_SIGPENDING, &signals));
    set_limit(RLIMIT_NOFILE, 64);
    while ((descriptors[last] = dup(0)) >= 0) last++;
    for (int i = 0; i < free_descriptors; i++) close(descriptors[--last]);
    // A read of an idle pipe, a write past the cache, one in it, and one that waits for the second.
    controls[0] = request(ends[0], buffers, 1, 0);
    for (int i = 1; i < 4; i++) controls[i] = request(files[i == 2 ? 0 : 1], buffers + i * size, size, i == 3 ? size : i * size);
    if (is_queue_full) set_limit(RLIMIT_SIGPENDING, 0);
    for (int i = 0; i < 4; i++) {
        struct sigevent how = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
        struct sigevent none = {.sigev_notify = SIGEV_NONE};
        if (kind == by_function) how = (struct sigevent){.sigev_notify = SIGEV_THREAD, .sigev_notify_function = callback};
        if (kind == by_eventfd) how = (struct sigevent){.sigev_notify = KAIO_SIGEV_EVENTFD, .sigev_value.sival_int = events[i].fd};
        controls[i].aio_lio_opcode = i == 0 ? LIO_READ : LIO_WRITE;
        struct aiocb *list[1] = {&controls[i]};
        // What the second one waits for notifies nobody.
        controls[i].aio_sigevent = kind == by_list || i == 1 ? none : how;
        int result = kind == by_list && i != 1 ? lio_listio(LIO_NOWAIT, list, 1, &how)
                     : i == 0                  ? aio_read(&controls[i])
                                               : aio_write(&controls[i]);
        if (result != 0) EQUAL(errno, EAGAIN);
        else taken += i != 1;
        if (result != 0) controls[i].aio_fildes = -1;
    }
    if (controls[0].aio_fildes >= 0) EQUAL(write(ends[1], "x", 1), 1);
    if (is_queue_full) {
        sleep_for(0.1);
        set_limit(RLIMIT_SIGPENDING, signals.rlim_cur);
    }
    // Nobody calls the library from here on.
    struct timespec limit = {20, 0}, soon = {0, 30000000};
    if (kind == by_signal || kind == by_list) {
        for (int i = 0; i < taken; i++) EQUAL(sigtimedwait(&set, NULL, &limit), SIGRTMIN);
        EQUAL(sigtimedwait(&set, NULL, &soon), -1);
    } else if (kind == by_function) {
        for (double end = now() + 20; called < taken && now() < end;) sleep_for(0.005);
        sleep_for(0.03);
        EQUAL(called, taken);
    } else {
        for (int i = 0; i < 4; i++)
            if (controls[i].aio_fildes >= 0 && i != 1) EQUAL(poll(&events[i], 1, 20000), 1);
    }
    for (int i = 0; i < 4; i++)
        if (controls[i].aio_fildes >= 0) EQUAL(FINISH(&controls[i]), i == 0 ? 1 : size);
    _exit(0);
}

int main(void) {
    for (int is_queue_full = 0; is_queue_full < 2; is_queue_full++)
        for (enum kind kind = 0; kind < kinds; kind++) {
            pid_t children[most];
            if (is_queue_full && kind != by_signal && kind != by_list) continue;
            for (int i = 0; i < most; i++)
                if ((children[i] = fork()) == 0) {
                    alarm(40);
                    printf("%d free descriptors, kind %d, queue full %d\n", i, kind, is_queue_full);
                    try_with(i, kind, is_queue_full);
                }
            for (int i = 0; i < most; i++) {
                int status;
                EQUAL(waitpid(children[i], &status, 0), children[i]);
                if (status) failed(__FILE__, __LINE__, "%d free descriptors, kind %d, queue full %d: status %#x", i, kind, is_queue_full, status);
            }
        }
    return 0;
}
