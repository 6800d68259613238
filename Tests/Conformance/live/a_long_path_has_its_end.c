// holds: Of a path that is too long for the page its end is there; a file without a name says so.
// source: kaio
// environment: KAIO_LIVE_DIR=.
#include "live.h"

int main(void) {
    char directory[201], name[301];
    memset(directory, 'd', 200);
    directory[200] = 0;
    OK(mkdir(directory, 0700));
    snprintf(name, sizeof name, "%s/", directory);
    memset(name + 201, 'n', 99);
    name[300] = 0;
    int file = named_file(name, 0), scratch = scratch_file(0);
    write_pattern(scratch, block, 1, 0);
    read_block(file, 0);
    void *page = open_page(getpid());
    look(getpid(), page, 3);
    read_block(file, 0);
    read_block(scratch, 0);
    EQUAL(*live_path_length(file_of(page, name + 301 - LIVE_PATH)), LIVE_PATH + 1);
    CHECK(file_of(page, " (deleted)"));
    return 0;
}
