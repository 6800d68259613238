// holds: However many logs are open, closefrom leaves them to the library: none of them writes into a file that the program opens afterwards.
// source: kaio
// limit: 60
#include "audit.h"
#include <sys/resource.h>

enum { logs = 40, highest = 1000 };

static const char *name_of(char name[32], const char *kind, int i) {
    snprintf(name, 32, "%s-%d", kind, i);
    return name;
}

static void log_one_line_each(void) {
    char name[32];
    for (int i = 0; i < logs; i++) {
        int file = named_file(name_of(name, "file", i), block);
        EQUAL(read_one(file, 0), block);
        close(file);
    }
}

// Waits until each log has so many lines.
static void await_lines(int lines) {
    static char text[65536];
    char path[PATH_MAX], name[32];
    for (int i = 0; i < logs; i++) {
        int found = 0;
        for (double end = now() + 10; found < lines && now() < end; sleep_for(0.01)) {
            int log = open(path_of(path, name_of(name, "log", i)), O_RDONLY | O_CLOEXEC);
            if (log < 0) continue;
            read_whole(log, text, sizeof text);
            found = count_lines(text, " read ", "result=4096");
        }
        EQUAL(found, lines);
    }
}

static void work(void) {
    struct rlimit limit;
    char path[PATH_MAX];
    struct stat status;
    OK(getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = limit.rlim_max;
    OK(setrlimit(RLIMIT_NOFILE, &limit));
    log_one_line_each();
    await_lines(1);
    closefrom(3);
    // The program takes all the numbers that it can get there.
    int data = 0;
    while (data < highest) {
        data = open(path_of(path, "data"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        CHECK(data >= 0);
    }
    log_one_line_each();
    await_lines(2);
    OK(stat(path, &status));
    EQUAL(status.st_size, 0);
}

int main(int count, char **arguments UNUSED) {
    if (count > 1) {
        work();
        return 0;
    }
    char path[PATH_MAX], name[32], setting[PATH_MAX + 32];
    FILE *file = fopen(path_of(path, "kaio.conf"), "we");
    CHECK(file != NULL);
    snprintf(setting, sizeof setting, "KAIO_CONFIG=%s", path);
    for (int i = 0; i < logs; i++) {
        fprintf(file, "[%d]\npath = %s\n", i, path_of(path, name_of(name, "file", i)));
        fprintf(file, "vfs objects = full_audit ordered aio_linux aio_poll aio_pthread\n");
        fprintf(file, "full_audit:to = %s\n", path_of(path, name_of(name, "log", i)));
    }
    EQUAL(fclose(file), 0);
    struct child child;
    run_again(&child, "work", (const char *[]){setting, NULL}, NULL);
    printf("%s", child.errors);
    SUCCEEDED(&child);
}
