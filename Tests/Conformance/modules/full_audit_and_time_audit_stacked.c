// holds: full_audit and time_audit in one stack, in either order, each see every request, each in its own log.
// source: kaio
#include "audit.h"

static void work(void) {
    int file = named_file("file", 2 * block), ends[2];
    for (int i = 0; i < 50; i++) EQUAL(read_one(file, 0), block);
    fail_one(file);
    open_pipe(ends);
    char byte;
    struct aiocb control = request(ends[0], &byte, 1, 0);
    OK(aio_read(&control));
    sleep_for(0.4);
    EQUAL(write(ends[1], "x", 1), 1);
    EQUAL(FINISH(&control), 1);
}

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1) {
        work();
        return 0;
    }
    char full[PATH_MAX], slow[PATH_MAX], parameters[2 * PATH_MAX + 128], text[32768];
    snprintf(parameters, sizeof parameters, "full_audit:to=%s; time_audit:to=%s; time_audit:limit=300ms",
             path_of(full, "full"), path_of(slow, "slow"));
    const char *orders[] = {"full_audit time_audit", "time_audit full_audit", "full_audit stats time_audit full_audit"};
    for (int i = 0; i < 3; i++) {
        struct child child;
        run_with(&child, "work", orders[i], parameters);
        int times = i == 2 ? 2 : 1;
        take_file(full, text, sizeof text);
        EQUAL(count_lines(text, "", NULL), 52 * times);
        EQUAL(count_lines(text, "result=4096", NULL), 50 * times);
        EQUAL(count_lines(text, "result=EFAULT", NULL), times);
        EQUAL(count_lines(text, "pipe:[", "result=1 "), times);
        take_file(slow, text, sizeof text);
        EQUAL(count_lines(text, "", NULL), 1);
        EQUAL(count_lines(text, "slow read \"pipe:[", "result=1 "), 1);
    }
}
