// holds: A FIFO as statistics, configuration, included file, report or log stops no program: it is said what it is, and the program runs.
// source: kaio
// limit: 30
#include "trust.h"
#include <poll.h>

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1) {
        check_service();
        return 0;
    }
    char fifo[PATH_MAX], path[PATH_MAX], variable[PATH_MAX + 32], whole[PATH_MAX];
    CHECK(realpath(path_of(path, "."), whole));
    setenv("CHECK_DIRECTORY", whole, 1);
    OK(mkfifo(path_of(fifo, "fifo"), 0600));
    for (enum writer writer = statistics; writer <= audit; writer++)
        EQUAL(count_lines(run_with_file(writer, fifo, NULL), fifo, "a FIFO that nobody reads"), 1);

    static struct child child;
    snprintf(variable, sizeof variable, "KAIO_CONFIG=%s", fifo);
    run_again(&child, "work", (const char *[]){variable, NULL}, NULL);
    SUCCEEDED(&child);
    EQUAL(count_lines(child.errors, fifo, "not a regular file"), 1);
    FILE *file = fopen(path_of(path, "including.conf"), "we");
    fputs("include = fifo\n", file);
    fclose(file);
    snprintf(variable, sizeof variable, "KAIO_CONFIG=%s", path);
    run_again(&child, "work", (const char *[]){variable, NULL}, NULL);
    SUCCEEDED(&child);
    EQUAL(count_lines(child.errors, "including.conf:1: include", "not a regular file"), 1);

    // It is not opened: who waits for a reader goes on waiting.
    int ends[2];
    open_pipe(ends);
    pid_t writer = fork();
    if (writer == 0) _exit(write(ends[1], "", (size_t)(open(fifo, O_WRONLY | O_CLOEXEC) >= 0)) >= 0 ? 0 : 1);
    for (char state = 0; state != 'S'; sleep_for(0.01)) {
        char name[64];
        snprintf(name, sizeof name, "/proc/%d/stat", writer);
        FILE *stat = fopen(name, "re");
        CHECK(stat && fscanf(stat, "%*d %*s %c", &state) == 1);
        fclose(stat);
    }
    snprintf(variable, sizeof variable, "KAIO_CONFIG=%s", fifo);
    run_again(&child, "work", (const char *[]){variable, NULL}, NULL);
    SUCCEEDED(&child);
    EQUAL(poll(&(struct pollfd){.fd = ends[0], .events = POLLIN}, 1, 0), 0);
    kill(writer, SIGKILL);
    waitpid(writer, NULL, 0);

    // A device is none either, and /dev/null is an empty file.
    run_again(&child, "work", (const char *[]){"KAIO_CONFIG=/dev/zero", NULL}, NULL);
    SUCCEEDED(&child);
    EQUAL(count_lines(child.errors, "/dev/zero", "not a regular file"), 1);
    run_again(&child, "work", (const char *[]){"KAIO_CONFIG=/dev/null", NULL}, NULL);
    SUCCEEDED(&child);
    EQUAL(count_lines(child.errors, "kaio", NULL), 0);

    // Those that another user has left where root looks: one that nobody reads, and one that he reads and never empties.
    need_root();
    shared_directory(path, "shared", 1);
    OK(mkfifo(path_of(fifo, "shared/fifo"), 0666));
    OK(chown(fifo, stranger, stranger));
    int reader = -1;
    for (int round = 0; round < 2; round++) {
        for (enum writer writer = statistics; writer <= audit; writer++)
            EQUAL(count_lines(run_with_file(writer, fifo, NULL), fifo, round ? "belongs to another user" : ""), 1);
        snprintf(variable, sizeof variable, "KAIO_CONFIG=%s", fifo);
        run_again(&child, "work", (const char *[]){variable, NULL}, NULL);
        SUCCEEDED(&child);
        EQUAL(count_lines(child.errors, fifo, NULL), 2);
        if (round == 0) reader = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        CHECK(reader >= 0);
    }
}
