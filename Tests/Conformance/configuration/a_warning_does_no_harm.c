// holds: kaio_testparm warns of a service without a path and of parameters that no module of the stack takes, and returns 0.
// source: kaio
#include "configuration.h"

int main(void) {
    char path[PATH_MAX];
    static struct report report;
    check_file(&report, configuration_file(path, "strange.conf",
                                           "nowhere:x = 1\n"
                                           "aio_linux:aio num events = 1\n"
                                           "[alone]\n"
                                           "vfs objects = ordered\n"
                                           "aio_linux:y = 1\n"));
    EQUAL(report.result, 0);
    EQUAL(count_lines(report.errors, "strange.conf:3: warning: ", "path"), 1);
    EQUAL(count_lines(report.errors, "strange.conf:1: warning: ", "nowhere:x"), 1);
    EQUAL(count_lines(report.errors, "strange.conf:5: warning: ", "aio_linux:y"), 1);
    EQUAL(count_lines(report.errors, "kaio: ", NULL), 3);
    CHECK(strstr(report.output, "[alone]\n\tvfs objects = ordered\n") != NULL);
}
