// holds: While nobody looks the page is 4 KiB, nothing is written to it, and a request makes the same system calls as without it; nor does it make one more while somebody looks.
// source: kaio
// environment: KAIO_LIVE_DIR=.
// limit: 60
#include "live.h"

enum { count = 100 };

static void work(int flags, int is_watched) {
    int file = named_file("file", flags);
    read_block(file, 0);
    void *page = open_page(getpid());
    if (is_watched) look(getpid(), page, 3);
    read_block(file, 0);
    start_counting();
    for (int i = 0; i < count; i++) {
        // Nobody has gone silent: the tracer is slow.
        if (is_watched) look_for(page, 3);
        read_block(file, i);
    }
    stop_counting();
    if (is_watched) {
        EQUAL(count_of(file_of(page, "/file"), live_read, LIVE_OVER), count + 1);
    } else {
        struct stat status;
        char path[PATH_MAX];
        live_path_of(path, getpid());
        OK(stat(path, &status));
        EQUAL(status.st_size, LIVE_HEAD);
    }
}

int main(int arguments, char **names) {
    if (arguments > 1) {
        work(strstr(names[1], "direct") ? O_DIRECT : 0, strstr(names[1], "watched") != NULL);
        return 0;
    }
    int calls[call_numbers];
    static const char *const roles[] = {"direct", "cached", "direct watched", "cached watched"};
    for (int i = 0; i < 4; i++) {
        trace_again(roles[i], calls);
        for (int number = 0; number < call_numbers; number++)
            if (calls[number]) printf("%s: %d times system call %d\n", roles[i], calls[number], number);
        // On a busy machine some requests take the slow path, as the clock has ticked between a look at the descriptor and the
        // request; on an emulated one, under the tracer, many do.
        if (times_slower() == 1) {
            CHECK(abs(calls[SYS_io_submit] - (i % 2 == 0 ? count : 0)) <= count / 10);
            CHECK(abs(calls[SYS_preadv2] - (i % 2 == 0 ? 0 : count)) <= count / 10);
            // Of the slow path; a harvest has them too.
            if (i % 2 == 1) CHECK(calls[SYS_rt_sigprocmask] <= count / 5);
        }
        // The path is found out once.
        EQUAL(calls[SYS_readlinkat], 0);
        EQUAL(calls[SYS_mmap], 0);
    }
    return 0;
}
