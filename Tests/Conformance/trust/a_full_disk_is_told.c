// holds: Where there is no room for statistics, a report, a log or the page of kaio top, it is said once, with the file.
// source: kaio
// limit: 30
#include "trust.h"
#include <sys/mount.h>

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1) {
        check_service();
        return 0;
    }
    EQUAL(count_lines(run_with_file(statistics, "/dev/full", NULL), "KAIO_STATS_FILE=/dev/full", "No space left"), 1);
    EQUAL(count_lines(run_with_file(stats_module, "/dev/full", NULL), "stats:file = /dev/full", "ENOSPC"), 1);
    EQUAL(count_lines(run_with_file(audit, "/dev/full", NULL), "the log /dev/full", "ENOSPC"), 1);

    need_root();
    char disk[PATH_MAX], variable[PATH_MAX + 32];
    OK(mkdir(path_of(disk, "disk"), 0700));
    if (mount("none", disk, "tmpfs", 0, "size=4k") != 0) {
        printf("skipped: no disk of one page can be had: %s\n", strerror(errno));
        return 0;
    }
    char filler[PATH_MAX + 8];
    snprintf(filler, sizeof filler, "%s/filler", disk);
    int file = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    static char page[4096];
    CHECK(file >= 0 && write(file, page, sizeof page) == sizeof page);
    close(file);
    static struct child child;
    snprintf(variable, sizeof variable, "KAIO_LIVE_DIR=%s", disk);
    run_again(&child, "work", (const char *[]){variable, NULL}, NULL);
    umount2(disk, MNT_DETACH);
    SUCCEEDED(&child);
    EQUAL(count_lines(child.errors, variable, "ENOSPC"), 1);
}
