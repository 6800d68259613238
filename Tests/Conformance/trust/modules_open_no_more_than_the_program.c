// holds: A module opens a file for writing only where the program has: a program that is read through bufio can be executed meanwhile.
// source: kaio
// limit: 60
#include "trust.h"
#include <sys/sendfile.h>

static void read_it(const char *path) {
    struct stat mine, other;
    char name[64];
    int file = open(path, O_RDONLY | O_CLOEXEC), found = 0, flags;
    CHECK(file >= 0);
    for (int i = 0; i < 3; i++) EQUAL(read_one(file, 0), block);
    OK(fstat(file, &mine));
    for (int i = 0; i < 2000; i++) {
        if (fstat(i, &other) != 0 || mine.st_dev != other.st_dev || mine.st_ino != other.st_ino) continue;
        snprintf(name, sizeof name, "/proc/self/fdinfo/%d", i);
        FILE *info = fopen(name, "re");
        CHECK(info && fscanf(info, "pos: %*d flags: %o", (unsigned *)&flags) == 1);
        fclose(info);
        EQUAL(flags & (O_ACCMODE | O_NONBLOCK), O_RDONLY);
        found++;
    }
    // The program's own, and the module's.
    EQUAL(found, 2);
    pid_t child = fork();
    if (child == 0) {
        execl(path, path, (char *)NULL);
        _exit(errno == ETXTBSY ? 3 : 4);
    }
    int status;
    EQUAL(waitpid(child, &status, 0), child);
    EQUAL(status, 0);
}

int main(int count, char **arguments) {
    (void)arguments;
    static struct child child;
    char path[PATH_MAX], whole[PATH_MAX];
    if (count > 1) {
        read_it(getenv("PROGRAM"));
        return 0;
    }
    int from = open("/bin/true", O_RDONLY | O_CLOEXEC), to = open(path_of(path, "true"), O_RDWR | O_CREAT | O_CLOEXEC, 0700);
    struct stat status;
    CHECK(from >= 0 && to >= 0);
    OK(fstat(from, &status));
    EQUAL(sendfile(to, from, NULL, (size_t)status.st_size), status.st_size);
    close(to);
    CHECK(realpath(path, whole));
    setenv("PROGRAM", whole, 1);
    run_with(&child, "work", "bufio", "bufio:files=all");
    printf("%s", child.errors);
}
