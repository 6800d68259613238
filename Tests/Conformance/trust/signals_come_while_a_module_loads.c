// holds: A file that takes long to open, at the first request or in kaio_connect, holds up no signal: its handler runs, and may end the program.
// source: kaio
// limit: 40
#include "trust.h"
#include <sys/time.h>

static void on_alarm(int signal) {
    (void)signal;
    _exit(7);
}

// A lease on the module's file: who opens it waits until the lease is given back, by default for 45 seconds.
static void be_slow(const char *module) {
    int file = open(module, O_RDWR | O_CLOEXEC);
    CHECK(file >= 0);
    signal(SIGIO, SIG_IGN);
    // Not everywhere can a file have one.
    if (fcntl(file, F_SETLEASE, F_WRLCK) != 0) {
        printf("skipped: no leases here: %s\n", strerror(errno));
        exit(0);
    }
}

int main(int count, char **arguments) {
    if (count > 1) {
        signal(SIGALRM, on_alarm);
        struct itimerval time = {.it_value = {.tv_usec = 300000}};
        setitimer(ITIMER_REAL, &time, NULL);
        if (strcmp(arguments[1], "connect") == 0) {
            void *(*connect)(const char *, const char *, const char *);
            *(void **)&connect = dlsym(RTLD_DEFAULT, "kaio_connect");
            connect(NULL, getenv("MODULE"), NULL);
        }
        check_service();
        return 1;
    }
    char module[PATH_MAX], whole[PATH_MAX], variable[2 * PATH_MAX];
    CHECK(realpath(path_of(module, "."), whole));
    setenv("CHECK_DIRECTORY", whole, 1);
    make_file(path_of(module, "module.so"), "not one, and never read\n", geteuid(), 0600);
    be_slow(module);
    static struct child child;
    snprintf(variable, sizeof variable, "KAIO_VFS_OBJECTS=%s", module);
    double start = now();
    run_again(&child, "first", (const char *[]){variable, NULL}, NULL);
    CHECK(WIFEXITED(child.status));
    EQUAL(WEXITSTATUS(child.status), 7);
    snprintf(variable, sizeof variable, "MODULE=%s", module);
    run_again(&child, "connect", (const char *[]){variable, NULL}, NULL);
    CHECK(WIFEXITED(child.status));
    EQUAL(WEXITSTATUS(child.status), 7);
    CHECK(now() - start < 20);
}
