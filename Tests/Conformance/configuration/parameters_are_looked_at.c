// holds: kaio_testparm names each parameter that a module of the library does not have or whose value it refuses, with its line and what would be accepted, shows nothing on stdout, and fails with EINVAL.
// source: kaio
#include "configuration.h"

static const struct {
    const char *line, *accepted;
} bad[] = {
    {"aio_linux:aio num events = 0", "not a number from 1 to 65536"},
    {"aio_linux:events = 128", "it has aio num events"},
    {"ordered:x = 1", "it has none"},
    {"full_audit:operations = read append", "some of: read write fsync fdatasync"},
    {"full_audit:file = x", "it has to, format, operations, results, buffer"},
    {"time_audit:limit = 10", "not a time such as 250us, 10ms, 2s or 1m, from 0 to 24h"},
    {"stats:signal = HUP", "one of: none USR1"},
    {"error_inject:rules = read EDOOM; write EIO never; fsync EIO", "write EIO never: not a rule"},
    {"error_inject:rule = read EIO", "it has rules, when, seed"},
    {"error_inject:when = never", "not before or after"},
    {"delay_inject:delay = 2h", "to 1h"},
    {"delay_inject:distribution = normal", "fixed"},
    {"delay_inject:operations = reads", "read, write, fsync or any"},
    {"aio_ratelimit:read_bytes = 10MB", "not a size such as 512, 64k, 1M or 2G"},
    {"aio_ratelimit:iops = 10", "it has read_iops, write_iops, read_bytes, write_bytes, burst"},
    {"readonly:period = always", "09:00-17:00"},
    {"readahead:after = 0", "not a number from 1 to 1000"},
};
enum { count = sizeof bad / sizeof *bad };

int main(void) {
    char path[PATH_MAX], text[4096];
    static struct report report;
    // Each alone, first in [global] and then in a service.
    for (int i = 0; i < 2 * count; i++) {
        const char *line = bad[i / 2].line, *accepted = bad[i / 2].accepted;
        int module = (int)strcspn(line, ":");
        snprintf(text, sizeof text,
                 i % 2 == 0 ? "%s\n[a]\npath = /a\nvfs objects = %.*s ordered aio_linux\n"
                            : "[a]\n%s\npath = /a\nvfs objects = %.*s ordered aio_linux\n",
                 line, module, line);
        check_file(&report, configuration_file(path, "bad.conf", text));
        EQUAL(report.result, -1);
        EQUAL(report.error, EINVAL);
        SAYS(report.output, "");
        if (count_lines(report.errors, i % 2 == 0 ? "bad.conf:1: " : "bad.conf:2: ", accepted) < 1)
            failed(__FILE__, __LINE__, "\"%s\" is not named with \"%s\" but: %s", line, accepted, report.errors);
        EQUAL(count_lines(report.errors, "warning", NULL), 0);
    }
    // All at once.
    snprintf(text, sizeof text,
             "[a]\npath = /a\nvfs objects = full_audit time_audit stats error_inject delay_inject aio_ratelimit readonly "
             "readahead ordered aio_linux\n");
    for (int i = 0; i < count; i++) snprintf(text + strlen(text), sizeof text - strlen(text), "%s\n", bad[i].line);
    check_file(&report, configuration_file(path, "bad.conf", text));
    EQUAL(report.result, -1);
    char start[32];
    for (int i = 0; i < count; i++) {
        snprintf(start, sizeof start, "bad.conf:%d: ", 4 + i);
        if (count_lines(report.errors, start, bad[i].accepted) != 1)
            failed(__FILE__, __LINE__, "\"%s\" is not named: %s", bad[i].line, report.errors);
    }
    // A shared object is not loaded, but it must be there; what is beside the program is known in its directory only.
    check_file(&report, configuration_file(path, "bad.conf", "vfs objects = ordered /nowhere/mine.so\n[a]\npath = /a\n"));
    EQUAL(report.result, -1);
    EQUAL(count_lines(report.errors, "bad.conf:1: vfs objects: there is no file /nowhere/mine.so", NULL), 1);
    EQUAL(count_lines(report.errors, "kaio: ", NULL), 1);
    // Of a module that is not the library's only the module knows them.
    check_file(&report, configuration_file(path, "good.conf", "[a]\npath = /a\nvfs objects = /bin/true\nmine:x = 1\n"));
    EQUAL(report.result, 0);
    SAYS(report.errors, "");
}
