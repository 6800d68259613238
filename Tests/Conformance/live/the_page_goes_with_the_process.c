// holds: The page's file is for its user alone, and is removed at exit; one that an earlier process left behind is replaced, a link is not followed, and a directory that can't be used is named once.
// source: kaio
// environment: KAIO_LIVE_DIR=.
#include "live.h"

int main(int count, char **arguments) {
    if (count > 1) {
        char path[PATH_MAX];
        struct stat status;
        live_path_of(path, getpid());
        // An earlier process of the same number, or somebody who wants another file to be overwritten.
        if (strcmp(arguments[1], "link") == 0) OK(symlink("precious", path));
        if (strcmp(arguments[1], "stale") == 0) close(open(path, O_WRONLY | O_CREAT, 0644));
        check_service();
        if (strcmp(arguments[1], "elsewhere") == 0) return 0;
        OK(lstat(path, &status));
        EQUAL(status.st_mode, S_IFREG | 0600);
        EQUAL(status.st_size, LIVE_HEAD);
        return 0;
    }
    int precious = open("precious", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    EQUAL(write(precious, "text", 4), 4);
    static const char *const roles[] = {"plain", "stale", "link"};
    struct child child;
    for (int i = 0; i < 3; i++) {
        run_again(&child, roles[i], NULL, NULL);
        SUCCEEDED(&child);
        EQUAL(count_lines(child.errors, "kaio", NULL), 0);
        // Only "precious" is left.
        EQUAL(count_entries("."), 1);
    }
    struct stat status;
    OK(fstat(precious, &status));
    EQUAL(status.st_size, 4);
    run_again(&child, "elsewhere", (const char *[]){"KAIO_LIVE_DIR=/proc/nowhere", NULL}, NULL);
    SUCCEEDED(&child);
    EQUAL(count_lines(child.errors, "KAIO_LIVE_DIR=/proc/nowhere", "ENOENT"), 1);
    return 0;
}
