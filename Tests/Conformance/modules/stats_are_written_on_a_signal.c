// holds: stats:signal has the numbers written whenever the signal comes, and leaves a handler of the program alone and says so.
// source: kaio
#include "audit.h"

static volatile sig_atomic_t handled;
static void handler(int signal) { handled = signal; }

static void take_stats(char *json, size_t size) {
    struct stat status;
    double end = now() + 10;
    while ((stat("stats", &status) != 0 || status.st_size == 0) && now() < end) sleep_for(0.01);
    sleep_for(0.05);
    take_file("stats", json, size);
}

static void reports(void) {
    char json[32768];
    int file = named_file("file", block);
    EQUAL(read_one(file, 0), block);
    for (int i = 1; i <= 3; i++) {
        raise(SIGUSR1);
        take_stats(json, sizeof json);
        EQUAL(stat_of(json, "read", "requests"), i);
        EQUAL(read_one(file, 0), block);
    }
    // A child has numbers, and a thread, of its own.
    pid_t child = fork();
    if (child == 0) {
        EQUAL(write_one(file, 0), block);
        raise(SIGUSR1);
        take_stats(json, sizeof json);
        EQUAL(stat_of(json, "read", "requests"), 0);
        EQUAL(stat_of(json, "write", "requests"), 1);
        _exit(0);
    }
    EXITS(child);
}

// A signal that comes before the thread runs, which the first request of a process has started, counts too.
static void at_once(void) {
    char json[32768];
    int file = named_file("file", block);
    EQUAL(read_one(file, 0), block);
    for (int i = 0; i < 20; i++) {
        pid_t child = fork();
        if (child == 0) {
            EQUAL(read_one(file, 0), block);
            raise(SIGUSR1);
            take_stats(json, sizeof json);
            EQUAL(stat_of(json, "read", "requests"), 1);
            _exit(0);
        }
        EXITS(child);
    }
}

static void is_left_alone(void) {
    struct sigaction before;
    signal(SIGUSR2, handler);
    check_service();
    OK(sigaction(SIGUSR2, NULL, &before));
    CHECK(before.sa_handler == handler);
    raise(SIGUSR2);
    EQUAL(handled, SIGUSR2);
}

int main(int count, char **arguments) {
    if (count > 1) {
        if (strcmp(arguments[1], "reports") == 0) reports();
        else if (strcmp(arguments[1], "at_once") == 0) at_once();
        else is_left_alone();
        return 0;
    }
    struct child child;
    run_with(&child, "reports", "stats", "stats:signal=USR1; stats:file=stats; stats:format=json");
    EQUAL(strlen(child.errors), 0);
    run_with(&child, "at_once", "stats", "stats:signal=USR1; stats:file=stats; stats:format=json");
    run_with(&child, "is_left_alone", "stats", "stats:signal=USR2; stats:file=stats");
    EQUAL(count_lines(child.errors, "kaio: stats:signal = USR2: the program handles or ignores", NULL), 1);
    run_with(&child, "is_left_alone", "stats", "stats:signal=KILL; stats:file=stats");
    EQUAL(count_lines(child.errors, "kaio: KAIO_VFS_PARAMETERS: [global] stats:signal = KILL: not one of: none USR1 SIGUSR1", NULL), 1);
}
