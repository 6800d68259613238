// holds: kaio_testparm names every error of a file with its line and what would be accepted, shows nothing on stdout, and fails with EINVAL.
// source: kaio
#include "configuration.h"

int main(void) {
    static const struct {
        const char *line, *accepted;
    } bad[] = {
        {"pth = /x", "vfs objects"},
        {"vfs objects = ordered magic", "aio_pthread"},
        {"nonsense", "name = value"},
        {"[service", "[global]"},
        {"path = /data/", "/*"},
        {"path = data/*", "begins with /"},
        {"path = \"/data", "quote"},
        {"path = /[a", "[a-z]"},
        {"aio_linux: = 1", "module:name"},
        {"p\033[31mth = /x", "p?[31mth: unknown option"},
        {"aio_linux:x = %x", "%p"},
        {"include = none.conf", "No such file"},
        {"include = bad.conf", "itself"},
    };
    enum { count = sizeof bad / sizeof *bad };
    char path[PATH_MAX], text[4096] = "[data]\npath = /data/*\n", line[64];
    static struct report report;
    for (size_t i = 0; i < count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "[data]\n%s\n", bad[i].line);
    check_file(&report, configuration_file(path, "bad.conf", text));
    EQUAL(report.result, -1);
    EQUAL(report.error, EINVAL);
    SAYS(report.output, "");
    for (size_t i = 0; i < count; i++) {
        snprintf(line, sizeof line, "bad.conf:%zu: ", 4 + 2 * i);
        if (count_lines(report.errors, line, bad[i].accepted) != 1)
            failed(__FILE__, __LINE__, "\"%s\", in line %zu, is not named with \"%s\"", bad[i].line, 4 + 2 * i,
                   bad[i].accepted);
    }
    EQUAL(count_lines(report.errors, "kaio: ", NULL) - count_lines(report.errors, "warning: ", NULL), count);
    // A path that is wrong is not said to be missing, too.
    check_file(&report, configuration_file(path, "worse.conf", "[data]\npath = /%x\n"));
    EQUAL(report.result, -1);
    EQUAL(count_lines(report.errors, "worse.conf:2: path: unknown %x", NULL), 1);
    EQUAL(count_lines(report.errors, "kaio: ", NULL), 1);
}
