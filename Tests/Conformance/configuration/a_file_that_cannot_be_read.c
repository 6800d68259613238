// holds: kaio_testparm gives the errno of a file that can't be read, and with NULL takes the file that KAIO_CONFIG names.
// source: kaio
#include "configuration.h"

int main(void) {
    char path[PATH_MAX], directory[PATH_MAX];
    static struct report report;
    check_file(&report, path_of(path, "none.conf"));
    EQUAL(report.result, -1);
    EQUAL(report.error, ENOENT);
    EQUAL(count_lines(report.errors, "none.conf: can't be read: ", "No such file or directory"), 1);

    OK(mkdir(path_of(directory, "directory"), 0700));
    check_file(&report, directory);
    EQUAL(report.result, -1);
    EQUAL(report.error, EISDIR);

    unsetenv("KAIO_CONFIG");
    check_file(&report, NULL);
    EQUAL(report.result, -1);
    EQUAL(report.error, EINVAL);
    EQUAL(count_lines(report.errors, "KAIO_CONFIG", NULL), 1);

    setenv("KAIO_CONFIG", configuration_file(path, "named.conf", "[named]\npath = /x\n"), 1);
    check_file(&report, NULL);
    EQUAL(report.result, 0);
    CHECK(strstr(report.output, "[named]\n\tpath = /x\n") != NULL);
}
