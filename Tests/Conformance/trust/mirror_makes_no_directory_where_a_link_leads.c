// holds: The module mirror makes directories for its legs and its log, but none where a link of another user's leads.
// source: kaio
#include "trust.h"
#include <dirent.h>

static int entries(const char *path) {
    int count = 0;
    DIR *directory = opendir(path);
    CHECK(directory);
    for (struct dirent *entry; (entry = readdir(directory));) count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}

// A read of a file through the module, which says what it can't use.
static const char *mirror(const char *legs, const char *log) {
    static struct child child;
    static char parameters[3 * PATH_MAX];
    snprintf(parameters, sizeof parameters, "KAIO_VFS_PARAMETERS=mirror:legs=%s; mirror:log=%s", legs, log);
    run_again(&child, "work", (const char *[]){"KAIO_VFS_OBJECTS=mirror ordered aio_linux", parameters, NULL}, NULL);
    printf("%s", child.errors);
    SUCCEEDED(&child);
    return child.errors;
}

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1) {
        // It fails where the log can't be had.
        int file = named_file("data", block);
        char byte;
        struct aiocb control = request(file, &byte, 1, 0);
        OK(aio_read(&control));
        wait_for(&control, 10);
        close(file);
        return 0;
    }
    need_root();
    char shared[PATH_MAX], own[PATH_MAX], link[PATH_MAX], whole[PATH_MAX], legs[PATH_MAX + 8], log[PATH_MAX + 8];
    CHECK(realpath(path_of(link, "."), whole));
    setenv("CHECK_DIRECTORY", whole, 1);
    shared_directory(shared, "shared", 1);
    OK(mkdir(path_of(own, "own"), 0700));
    OK(symlink(own, path_of(link, "shared/link")));
    OK(lchown(link, stranger, stranger));
    snprintf(legs, sizeof legs, "%s/%%f", link);
    EQUAL(count_lines(mirror(legs, "core"), link, "reached by a link"), 1);
    EQUAL(entries(own), 0);
    snprintf(legs, sizeof legs, "%s/copy", own);
    snprintf(log, sizeof log, "%s/%%f", link);
    EQUAL(count_lines(mirror(legs, log), link, "reached by a link"), 1);
    EQUAL(entries(own), 0);
    // In their place they are made.
    snprintf(legs, sizeof legs, "%s/%%f", own);
    EQUAL(count_lines(mirror(legs, "core"), "can't be used", NULL), 0);
    EQUAL(entries(own), 1);
}
