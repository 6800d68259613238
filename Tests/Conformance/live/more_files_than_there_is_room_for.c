// holds: Files for which the page has no room are counted together, in the last place; none is lost.
// source: kaio
// environment: KAIO_LIVE_DIR=.
#include "live.h"

enum { files = 300 };

int main(void) {
    read_block(named_file("first", 0), 0);
    void *page = open_page(getpid());
    look(getpid(), page, 3);
    for (int i = 0; i < files; i++) {
        int file = scratch_file(0);
        char byte = 'x';
        look_for(page, 3);
        for (int n = 0; n < 2; n++) {
            struct aiocb control = request(file, &byte, 1, 0);
            OK(aio_write(&control));
            EQUAL(FINISH(&control), 1);
        }
        // Left open: a new file could have the number of one that is gone.
    }
    EQUAL(sum_of(page, LIVE_OVER), 2 * files);
    EQUAL(count_of(live_file(page, LIVE_FILES - 1), live_write, LIVE_OVER), 2 * (files - (LIVE_FILES - 1)));
    return 0;
}
