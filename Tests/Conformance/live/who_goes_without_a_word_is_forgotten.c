// holds: When who looked was killed, the program stops counting soon after, by itself; a time that makes no sense is not believed.
// source: kaio
// environment: KAIO_LIVE_DIR=.
#include "live.h"

int main(void) {
    int file = named_file("file", 0);
    read_block(file, 0);
    void *page = open_page(getpid());
    look(getpid(), page, 0.3);
    read_block(file, 1);
    EQUAL(sum_of(page, LIVE_OVER), 1);
    sleep_for(0.4);
    read_block(file, 2);
    EQUAL(*live_word(page, LIVE_WORD_UNTIL), 0);
    EQUAL(sum_of(page, LIVE_OVER), 1);
    // A year ahead, and a time long past.
    look_for(page, 3e7);
    read_block(file, 3);
    EQUAL(*live_word(page, LIVE_WORD_UNTIL), 0);
    *live_word(page, LIVE_WORD_UNTIL) = 1;
    read_block(file, 4);
    EQUAL(*live_word(page, LIVE_WORD_UNTIL), 0);
    EQUAL(sum_of(page, LIVE_OVER), 1);
    return 0;
}
