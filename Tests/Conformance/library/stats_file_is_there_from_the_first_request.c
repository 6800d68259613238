// holds: The file of KAIO_STATS_FILE is made at the first request, in the directory of then, and is empty until exit.
// source: kaio
#include "../check.h"

static const char name[] = "counts";

static off_t size_of_file(void) {
    struct stat facts;
    return stat(name, &facts) == 0 ? facts.st_size : -1;
}

int main(int count, char **arguments) {
    if (count > 1) {
        char path[PATH_MAX], *slash = strrchr(path_of(path, name), '/');
        *slash = 0;
        OK(chdir(path));
        EQUAL(size_of_file(), -1);
        check_service();
        EQUAL(size_of_file(), 0);
        OK(chdir("/"));
        if (strcmp(arguments[1], "no exit") == 0) _exit(0);
        return 0;
    }
    char path[PATH_MAX], json[4096];
    const char *const environment[] = {"KAIO_STATS_FILE=counts", NULL};
    struct child child;
    run_again(&child, "exit", environment, NULL);
    SUCCEEDED(&child);
    take_file(path_of(path, name), json, sizeof json);
    CHECK(stat_of(json, "requests", "read") > 0);

    run_again(&child, "no exit", environment, NULL);
    SUCCEEDED(&child);
    take_file(path_of(path, name), json, sizeof json);
    EQUAL(strlen(json), 0);
}
