// holds: Where the program closes all descriptors by a system call of its own and has files at the library's numbers, the library writes to none, reads from none, closes none, and no request fails.
// source: kaio
// environment: KAIO_IDLE_SECONDS=1
// limit: 120
#include "../check.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

enum { lowest = 800, numbers = 40, size = 4096, most = 1 << 18, rounds = 10 };
static const char content[] = "what stands here is the program's";
static atomic_int notified;

static void notify(union sigval value) {
    (void)value;
    notified++;
}

// What the program has at the library's numbers, and whether all of it is as it was.
static int victim, other, epoll;

static int a_file(void) {
    int file = scratch_file(0);
    EQUAL(write(file, content, sizeof content), sizeof content);
    return file;
}
static void same_file(void) {
    char now[2 * sizeof content] = "";
    EQUAL(lseek(victim, 0, SEEK_CUR), sizeof content);
    EQUAL(pread(victim, now, sizeof now, 0), sizeof content);
    CHECK(memcmp(now, content, sizeof content) == 0);
}

static int a_pipe(void) {
    int ends[2];
    open_pipe(ends);
    other = ends[1];
    EQUAL(write(other, content, sizeof content), sizeof content);
    return ends[0];
}
static void same_pipe(void) {
    char now[2 * sizeof content] = "";
    EQUAL(read(victim, now, sizeof now), sizeof content);
    CHECK(memcmp(now, content, sizeof content) == 0);
}

// One on which nothing comes: a poll on it would not end.
static int an_idle_socket(void) {
    int ends[2];
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    other = ends[1];
    return ends[0];
}
static void same_socket(void) {
    char now;
    FAILS(recv(victim, &now, 1, MSG_DONTWAIT), EAGAIN);
    FAILS(recv(other, &now, 1, MSG_DONTWAIT), EAGAIN);
}

static int an_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }
static void same_eventfd(void) {
    uint64_t count;
    FAILS(read(victim, &count, 8), EAGAIN);
}

static int a_timer(void) { return timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC); }
static void same_timer(void) {
    struct itimerspec time;
    uint64_t count;
    FAILS(read(victim, &count, 8), EAGAIN);
    OK(timerfd_gettime(victim, &time));
    EQUAL(time.it_value.tv_sec, 0);
    EQUAL(time.it_value.tv_nsec, 0);
}

// With an eventfd in it, which is at each other number, and gives its event once.
static int an_epoll(void) {
    struct epoll_event event = {EPOLLIN | EPOLLONESHOT, {.u64 = 4711}};
    other = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    OK(epoll_ctl(epoll, EPOLL_CTL_ADD, other, &event));
    return epoll;
}
static void same_epoll(void) {
    struct epoll_event events[3];
    uint64_t count;
    EQUAL(epoll_wait(epoll, events, 3, 0), 1);
    EQUAL(events[0].data.u64, 4711);
    EQUAL(read(other, &count, 8), 8);
    EQUAL(count, 1);
}

static const struct {
    const char *name;
    int (*make)(void);
    void (*is_same)(void);
} victims[] = {
    {"file", a_file, same_file},          {"pipe", a_pipe, same_pipe},   {"socket", an_idle_socket, same_socket},
    {"eventfd", an_eventfd, same_eventfd}, {"timer", a_timer, same_timer}, {"epoll", an_epoll, same_epoll},
};

// The numbers that the program has; the library may have taken one of its own back before.
static int mine[numbers];

static void are_open(void) {
    for (int i = 0; i < numbers; i++) CHECK(fcntl(mine[i], F_GETFD) >= 0);
}

// A thread that leads, and is to be woken by what a worker has done.
static int piped[2];
static void *lead(void *unused) {
    char byte;
    struct aiocb reading = request(piped[0], &byte, 1, 0);
    OK(aio_read(&reading));
    EQUAL(FINISH(&reading), 1);
    return unused;
}

static void finish(struct aiocb *control, ssize_t count) {
    OK(aio_write(control));
    EQUAL(FINISH(control), count);
}

static void work(int which) {
    unsigned char *buffer = aligned_buffer(most);
    int file = scratch_file(0);
    struct aiocb control = request(file, buffer, size, 0);
    finish(&control, size);
    EQUAL(syscall(SYS_close_range, 700, ~0u, 0), 0);
    victim = victims[which].make();
    for (int i = 0; i < numbers; i++) CHECK((mine[i] = fcntl(victim, F_DUPFD_CLOEXEC, lowest)) >= 0);
    int direct = scratch_file(O_DIRECT);
    OK(ftruncate(direct, most));
    open_pipe(piped);
    pthread_t leader;
    OK(pthread_create(&leader, NULL, lead, NULL));
    for (int i = 0; i < rounds; i++) {
        control = request(file, buffer, most, (off_t)i * most);
        finish(&control, most);
        control = request(direct, buffer, size, 0);
        finish(&control, size);
        for (int k = 0; k < 2; k++) {
            control = request(k ? direct : file, buffer, size, 0);
            control.aio_sigevent = (struct sigevent){.sigev_notify = SIGEV_THREAD, .sigev_notify_function = notify};
            finish(&control, size);
        }
    }
    EQUAL(write(piped[1], "x", 1), 1);
    OK(pthread_join(leader, NULL));
    for (double end = now() + 20; notified < 2 * rounds && now() < end;) sleep_for(0.001);
    EQUAL(notified, 2 * rounds);
    are_open();
    pid_t child = fork();
    if (child == 0) {
        are_open();
        _exit(0);
    }
    int status;
    EQUAL(waitpid(child, &status, 0), child);
    EQUAL(status, 0);
    // Then everything is given back.
    for (double end = now() + 20; count_threads() > 1 && now() < end;) sleep_for(0.05);
    EQUAL(count_threads(), 1);
    are_open();
    victims[which].is_same();
    // They are the program's own to close.
    for (int i = 0; i < numbers; i++) OK(close(mine[i]));
    check_service();
    for (int i = 0; i < numbers; i++)
        if (fcntl(mine[i], F_GETFD) >= 0) FAILS(close(mine[i]), EBADF);
}

int main(void) {
    for (size_t which = 0; which < sizeof victims / sizeof *victims; which++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            work((int)which);
            _exit(0);
        }
        int status;
        EQUAL(waitpid(child, &status, 0), child);
        printf("%s: %s\n", victims[which].name, status == 0 ? "as it was" : "not as it was");
        EQUAL(status, 0);
    }
}
