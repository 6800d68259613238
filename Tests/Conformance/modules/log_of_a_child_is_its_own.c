// holds: The child of a fork has a log of its own; the parent's lines are written once, whoever exits first.
// source: kaio
#include "audit.h"

static void work(void) {
    int file = named_file("file", 2 * block);
    EQUAL(read_one(file, 0), block);
    // One that uses nothing, one that does: its request is at another place.
    pid_t idle = fork();
    if (idle == 0) exit(0);
    EXITS(idle);
    pid_t child = fork();
    if (child == 0) {
        EQUAL(read_one(file, block), block);
        exit(0);
    }
    EXITS(child);
    EQUAL(read_one(file, 1), block);
    printf("%d %d", getpid(), child);
}

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1) {
        work();
        return 0;
    }
    char log[PATH_MAX], name[32], parameters[PATH_MAX + 64], text[32768], line[4096];
    struct child child;
    // In one file.
    snprintf(parameters, sizeof parameters, "full_audit:to=%s", path_of(log, "log"));
    run_with(&child, "work", "full_audit", parameters);
    take_file(log, text, sizeof text);
    printf("%s", text);
    EQUAL(count_lines(text, "", NULL), 3);
    EQUAL(count_lines(text, "offset=0 ", NULL), 1);
    EQUAL(count_lines(text, "offset=4096 ", NULL), 1);
    EQUAL(count_lines(text, "offset=1 ", NULL), 1);
    // In one for each.
    snprintf(parameters, sizeof parameters, "full_audit:to=%s", path_of(log, "log-%p"));
    run_with(&child, "work", "full_audit", parameters);
    int parent, other;
    EQUAL(sscanf(child.output, "%d %d", &parent, &other), 2);
    snprintf(name, sizeof name, "log-%d", parent);
    take_file(path_of(log, name), text, sizeof text);
    EQUAL(count_lines(text, "", NULL), 2);
    EQUAL(count_lines(text, "offset=4096 ", NULL), 0);
    snprintf(name, sizeof name, "log-%d", other);
    take_file(path_of(log, name), text, sizeof text);
    EQUAL(count_lines(text, "", NULL), 1);
    CHECK(strstr(line_of(text, 0, line), "offset=4096 ") != NULL);
}
