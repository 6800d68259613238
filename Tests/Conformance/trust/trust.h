// What the programs about trust share: a second user, whose files are harmless ones, and directories that others can write
// to. The second user is a number that nobody needs to have; without root there is none.
#ifndef KAIO_TESTS_TRUST_H
#define KAIO_TESTS_TRUST_H

#include "../modules/audit.h"

enum { stranger = 65534 };

// Where there is no root, the program ends here and holds; it says so.
static UNUSED void need_root(void) {
    if (geteuid() == 0) return;
    printf("skipped: a second user can be had by root only\n");
    exit(0);
}

static UNUSED void be_the_stranger(void) {
    OK(setgid(stranger));
    OK(setuid(stranger));
}

// A directory in the test's own, for all to write to; `sticky` as /tmp is.
static UNUSED void shared_directory(char path[PATH_MAX], const char *name, int sticky) {
    OK(mkdir(path_of(path, name), 0700));
    OK(chmod(path, sticky ? 01777 : 0777));
}

static UNUSED void make_file(const char *path, const char *text, uid_t owner, mode_t mode) {
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0) failed(__FILE__, __LINE__, "%s: %s", path, strerror(errno));
    EQUAL(write(file, text, strlen(text)), strlen(text));
    OK(fchmod(file, mode));
    close(file);
    if (owner != geteuid()) OK(chown(path, owner, owner));
}

static UNUSED void file_is(const char *path, const char *text) {
    char found[4096];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) failed(__FILE__, __LINE__, "%s: %s", path, strerror(errno));
    read_whole(file, found, sizeof found);
    if (strcmp(found, text) != 0) failed(__FILE__, __LINE__, "%s is \"%s\", expected \"%s\"", path, found, text);
}

static UNUSED mode_t mode_of(const char *path) {
    struct stat status;
    if (lstat(path, &status) != 0) failed(__FILE__, __LINE__, "%s: %s", path, strerror(errno));
    return status.st_mode & 07777;
}

// The three files that the library writes lines or numbers to, each by the variable that names it.
enum writer { statistics, stats_module, audit };

// Runs this program again, which makes a request, with such a file; returns what it said.
static UNUSED const char *run_with_file(enum writer writer, const char *path, void (*prepare)(void)) {
    static struct child child;
    static char first[PATH_MAX + 64], second[PATH_MAX + 64];
    snprintf(first, sizeof first, writer == statistics ? "KAIO_STATS_FILE=%s" : "KAIO_VFS_OBJECTS=%s ordered aio_linux",
             writer == statistics ? path : writer == audit ? "full_audit" : "stats");
    snprintf(second, sizeof second, "KAIO_VFS_PARAMETERS=%s%s",
             writer == statistics ? "" : writer == audit ? "full_audit:to=" : "stats:file=", writer == statistics ? "" : path);
    run_again(&child, "work", (const char *[]){first, second, NULL}, prepare);
    SUCCEEDED(&child);
    printf("%s: %s", path, child.errors);
    return child.errors;
}

// A request that needs no file: the stranger has no way to the test's directory.
static UNUSED void write_to_a_pipe(void) {
    int ends[2];
    char byte = 1;
    open_pipe(ends);
    struct aiocb control = request(ends[1], &byte, 1, 0);
    OK(aio_write(&control));
    EQUAL(FINISH(&control), 1);
}

#endif
