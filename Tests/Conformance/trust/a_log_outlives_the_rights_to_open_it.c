// holds: A log that is open stays open, whatever was idle meanwhile: a program that gives up its rights or changes its root goes on writing it. One that is rotated is found anew, and a descriptor that the program has closed and used again is left alone.
// source: kaio
// limit: 60
#include "trust.h"

static void idle(void) { sleep_for(2.5); }

// Its requests are of a file that is open already.
static int work(const char *role) {
    int file = named_file("data", block);
    read_one(file, 0);
    idle();
    if (strcmp(role, "user") == 0) be_the_stranger();
    if (strcmp(role, "root") == 0) OK(chroot(getenv("JAIL")));
    if (strcmp(role, "rotated") == 0) OK(rename(getenv("LOG"), getenv("OLD")));
    int mine = -1;
    if (strcmp(role, "closed") == 0) {
        // As raw close_range does: behind the library's back.
        syscall(SYS_close_range, 3, ~0u, 0);
        file = named_file("data", block);
        char path[PATH_MAX];
        path_of(path, "own");
        for (int next; (next = open(path, O_RDWR | O_CREAT | O_APPEND, 0600)) < 1000;) CHECK(next >= 0);
        mine = 1;
    }
    read_one(file, 0);
    idle();
    if (mine > 0) {
        char path[PATH_MAX];
        file_is(path_of(path, "own"), "");
    }
    return 0;
}

int main(int count, char **arguments) {
    if (count > 1) return work(arguments[1]);
    char directory[PATH_MAX], log[2 * PATH_MAX], old[2 * PATH_MAX], jail[PATH_MAX], parameters[3 * PATH_MAX], text[32768];
    char log_variable[3 * PATH_MAX], old_variable[3 * PATH_MAX], jail_variable[2 * PATH_MAX], whole[PATH_MAX];
    CHECK(realpath(path_of(log, "."), whole));
    setenv("CHECK_DIRECTORY", whole, 1);
    OK(mkdir(path_of(directory, "closed to others"), 0700));
    OK(mkdir(path_of(jail, "jail"), 0755));
    snprintf(log, sizeof log, "%s/log", directory);
    snprintf(old, sizeof old, "%s/old", directory);
    snprintf(parameters, sizeof parameters, "KAIO_VFS_PARAMETERS=full_audit:to=%s", log);
    snprintf(log_variable, sizeof log_variable, "LOG=%s", log);
    snprintf(old_variable, sizeof old_variable, "OLD=%s", old);
    snprintf(jail_variable, sizeof jail_variable, "JAIL=%s", jail);
    const char *const roles[] = {"rotated", "closed", "user", "root"};
    for (int i = 0; i < 4; i++) {
        if (i == 2) need_root();
        static struct child child;
        unlink(log);
        run_again(&child, roles[i],
                  (const char *[]){"KAIO_VFS_OBJECTS=full_audit ordered aio_linux aio_poll aio_pthread", parameters,
                                   log_variable, old_variable, jail_variable, NULL}, NULL);
        printf("%s: %s\n", roles[i], child.errors);
        SUCCEEDED(&child);
        int lines = 0;
        if (i == 0) {
            take_file(old, text, sizeof text);
            EQUAL(count_lines(text, " read ", "result=4096"), 1);
            lines++;
        }
        take_file(log, text, sizeof text);
        lines += count_lines(text, " read ", "result=4096");
        EQUAL(lines, 2);
    }
}
