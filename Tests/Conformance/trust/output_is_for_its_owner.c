// holds: Whatever the umask, nobody but the owner can write to what the library makes: logs have mode 0640, statistics 0644, the page of kaio top 0600.
// source: kaio
#include "trust.h"

static void no_umask(void) { umask(0); }

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1) {
        check_service();
        const char *live = getenv("KAIO_LIVE_DIR");
        if (live) {
            char page[PATH_MAX];
            snprintf(page, sizeof page, "%s/kaio-live.%d", live, getpid());
            EQUAL(mode_of(page), 0600);
        }
        return 0;
    }
    char path[PATH_MAX], whole[PATH_MAX], variable[PATH_MAX + 32];
    CHECK(realpath(path_of(path, "."), whole));
    setenv("CHECK_DIRECTORY", whole, 1);
    run_with_file(statistics, path_of(path, "counts"), no_umask);
    EQUAL(mode_of(path), 0644);
    run_with_file(stats_module, path_of(path, "report"), no_umask);
    EQUAL(mode_of(path), 0644);
    run_with_file(audit, path_of(path, "log"), no_umask);
    EQUAL(mode_of(path), 0640);
    static struct child child;
    snprintf(variable, sizeof variable, "KAIO_LIVE_DIR=%s", whole);
    run_again(&child, "work", (const char *[]){variable, NULL}, no_umask);
    SUCCEEDED(&child);

    need_root();
    int directory = open(whole, O_PATH | O_DIRECTORY | O_CLOEXEC);
    OK(fchmodat(AT_FDCWD, whole, 0755, 0));
    pid_t process = fork();
    if (process == 0) {
        be_the_stranger();
        FAILS(openat(directory, "log", O_RDONLY), EACCES);
        FAILS(openat(directory, "log", O_WRONLY), EACCES);
        FAILS(openat(directory, "counts", O_WRONLY), EACCES);
        FAILS(openat(directory, "report", O_WRONLY), EACCES);
        CHECK(openat(directory, "counts", O_RDONLY) >= 0);
        _exit(0);
    }
    EXITS(process);
}
