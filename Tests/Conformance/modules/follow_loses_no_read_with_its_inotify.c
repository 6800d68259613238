// holds: Where the program closes follow's inotify by a system call of its own, or has one of its own there, every read that waits gets its data, and the program's inotify hears of the program's files only; closefrom does not close it.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=follow ordered aio_linux aio_poll aio_pthread'
// limit: 60
#include "../check.h"
#include <sys/inotify.h>

enum { lowest = 800, numbers = 40 };

static int is_inotify(int number) {
    char path[64], target[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", number);
    ssize_t length = readlink(path, target, sizeof target - 1);
    return length > 0 && (target[length] = 0, strstr(target, "inotify") != NULL);
}

static int librarys_inotify(void) {
    for (int number = lowest; number < lowest + numbers; number++)
        if (is_inotify(number)) return number;
    return -1;
}

static char data[64];

static void begin(struct aiocb *control) {
    *control = request(scratch_file(0), data, sizeof data, 0);
    OK(aio_read(control));
    EQUAL(aio_error(control), EINPROGRESS);
}

static void finish(struct aiocb *control) {
    EQUAL(pwrite(control->aio_fildes, "now", 3, 0), 3);
    EQUAL(FINISH(control), 3);
}

// `during`: a read waits while the number is lost. Else none does, and the next one finds it.
static void lose(char way, int during) {
    struct aiocb control, next;
    begin(&control);
    // A worker sees to it.
    int number = -1;
    for (double end = now() + 10; number < 0 && now() < end; sleep_for(0.001)) number = librarys_inotify();
    CHECK(number >= 0);
    if (!during) finish(&control);

    int own = -1, watch = 0;
    struct aiocb watched = {.aio_fildes = -1};
    if (way == 'a') {
        OK(syscall(SYS_close_range, lowest, ~0u, 0));
    } else if (way == 'c') {
        OK(syscall(SYS_close, number));
    } else if (way == 'f') {
        closefrom(lowest);
        CHECK(is_inotify(number));
    } else {
        // One that has something to say.
        own = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        CHECK(own >= 0);
        watched.aio_fildes = scratch_file(0);
        char path[64];
        snprintf(path, sizeof path, "/proc/self/fd/%d", watched.aio_fildes);
        watch = inotify_add_watch(own, path, IN_MODIFY);
        CHECK(watch > 0);
        EQUAL(pwrite(watched.aio_fildes, "x", 1, 0), 1);
        EQUAL(syscall(SYS_dup3, own, number, O_CLOEXEC), number);
    }

    begin(&next);
    if (during) finish(&control);
    finish(&next);
    for (int i = 0; i < 3; i++) {
        begin(&next);
        finish(&next);
    }
    if (own >= 0) {
        // Its one event, and no watch but its own.
        struct inotify_event event;
        EQUAL(read(own, &event, sizeof event), sizeof event);
        EQUAL(event.wd, watch);
        FAILS(read(own, &event, sizeof event), EAGAIN);
        CHECK(is_inotify(number));
        char path[64], line[256];
        snprintf(path, sizeof path, "/proc/self/fdinfo/%d", own);
        FILE *lines = fopen(path, "r");
        CHECK(lines != NULL);
        int watches = 0;
        while (fgets(line, sizeof line, lines)) watches += strncmp(line, "inotify wd:", 11) == 0;
        fclose(lines);
        EQUAL(watches, 1);
    }
    exit(0);
}

int main(int count, char **arguments) {
    deadline(50);
    if (count > 1) lose(arguments[1][0], arguments[1][1] == 'd');
    static const char *const ways[] = {"ad", "an", "cd", "cn", "rd", "rn", "fd", "fn"};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct child child;
        run_again(&child, ways[i], NULL, NULL);
        SUCCEEDED(&child);
        EQUAL(count_lines(child.errors, "kaio: follow:", NULL), ways[i][0] != 'f');
    }
}
