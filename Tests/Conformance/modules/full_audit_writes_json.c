// holds: With format = json full_audit writes one JSON object a line, whatever bytes the path has.
// source: kaio
#include "audit.h"

#define NAME "a \"quoted\" \\ \n \x1b \xc3\xa4 \xff name that is long, since a short path and a long one are kept in " \
             "different places: 0123456789 0123456789 0123456789 0123456789 0123456789"
#define JSON "a \\\"quoted\\\" \\\\ \\u000a \\u001b \xc3\xa4 \\ufffd name that is long, since a short path and a long " \
             "one are kept in different places: 0123456789 0123456789 0123456789 0123456789 0123456789"

int main(int count, char **arguments) {
    (void)arguments;
    char path[PATH_MAX], log[PATH_MAX], parameters[PATH_MAX + 64], text[32768], line[4096], expected[PATH_MAX];
    if (count > 1) {
        // A directory and a file in it with this name: together more than 256 bytes.
        OK(mkdir(path_of(path, NAME), 0700));
        int file = named_file(NAME "/" NAME, 2 * block);
        EQUAL(read_one(file, block), block);
        fail_one(file);
        return 0;
    }
    char *whole = realpath(path_of(path, "."), NULL);
    snprintf(parameters, sizeof parameters, "full_audit : format = json; full_audit:to = %s", path_of(log, "log"));
    struct child child;
    run_with(&child, "work", "full_audit", parameters);
    EQUAL(strlen(child.errors), 0);
    take_file(log, text, sizeof text);
    printf("%s", text);
    EQUAL(count_lines(text, "", NULL), 2);
    const char *start = "{\"time\":\"";
    line_of(text, 0, line);
    EQUAL(strncmp(line, start, strlen(start)), 0);
    snprintf(expected, sizeof expected,
             "\",\"operation\":\"read\",\"path\":\"%s/" JSON "/" JSON
             "\",\"offset\":4096,\"length\":4096,\"result\":4096,\"us\":",
             whole);
    const char *at = skip_time(line + strlen(start));
    EQUAL(strncmp(at, expected, strlen(expected)), 0);
    at += strlen(expected);
    CHECK(strspn(at, "0123456789") > 0);
    EQUAL(strcmp(at + strspn(at, "0123456789"), "}"), 0);
    CHECK(strstr(line_of(text, 1, line), "\"length\":4096,\"result\":-1,\"error\":\"EFAULT\",\"us\":") != NULL);
    free(whole);
}
