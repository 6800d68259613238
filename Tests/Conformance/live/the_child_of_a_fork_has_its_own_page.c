// holds: The child of a fork does not write to its parent's page: from its first request on it has one of its own.
// source: kaio
// environment: KAIO_LIVE_DIR=.
#include "live.h"

static int count_mappings(void) {
    char line[PATH_MAX + 128];
    int count = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps && fgets(line, sizeof line, maps)) count += strstr(line, live_name()) != NULL;
    fclose(maps);
    return count;
}

int main(void) {
    int file = named_file("file", 0);
    read_block(file, 0);
    void *page = open_page(getpid());
    look(getpid(), page, 3);
    read_block(file, 1);
    EQUAL(count_mappings(), 2);
    pid_t child = fork();
    if (child == 0) {
        // Not the library's, but this program's own.
        EQUAL(count_mappings(), 1);
        for (int i = 0; i < 5; i++) read_block(file, i);
        void *mine = open_page(getpid());
        CHECK(mine != page);
        look(getpid(), mine, 3);
        for (int i = 0; i < 7; i++) read_block(file, i);
        EQUAL(count_of(file_of(mine, "/file"), live_read, LIVE_OVER), 7);
        exit(0);
    }
    EXITS(child);
    // A child that makes no request must not take its parent's page away.
    pid_t idle = fork();
    if (idle == 0) exit(0);
    EXITS(idle);
    EQUAL(sum_of(page, LIVE_OVER), 1);
    read_block(file, 2);
    EQUAL(sum_of(page, LIVE_OVER), 2);
    char path[PATH_MAX];
    live_path_of(path, child);
    FAILS(access(path, F_OK), ENOENT);
    live_path_of(path, getpid());
    OK(access(path, F_OK));
    return 0;
}
