// holds: The child of a fork does not write to its parent's page: from its first request on it has one of its own.
// source: kaio
// environment: KAIO_LIVE_DIR=.
#include "live.h"

int main(void) {
    int file = named_file("file", 0);
    read_block(file, 0);
    void *page = open_page(getpid());
    look(getpid(), page, 3);
    read_block(file, 1);
    pid_t child = fork();
    if (child == 0) {
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
