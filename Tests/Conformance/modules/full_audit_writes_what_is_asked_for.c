// holds: full_audit's operations and results choose the requests that have a line; a word it does not know is named.
// source: kaio
#include "audit.h"

static void work(void) {
    int file = named_file("file", 2 * block);
    EQUAL(write_one(file, 0), block);
    EQUAL(read_one(file, 0), block);
    fsync_one(file, O_SYNC);
    fsync_one(file, O_DSYNC);
    fail_one(file);
}

// Each of the words is how often one of write, read, fsync, fdatasync, EFAULT is in the log.
static void gives(const char *parameters, const char *lines, const char *complaint) {
    struct child child;
    char found[64];
    run_with(&child, "work", "full_audit", parameters);
    const char *log = child.errors;
    snprintf(found, sizeof found, "%d %d %d %d %d", count_lines(log, "Z write ", "result=4096"),
             count_lines(log, "Z read ", "result=4096"), count_lines(log, "Z fsync ", NULL),
             count_lines(log, "Z fdatasync ", NULL), count_lines(log, "result=EFAULT", NULL));
    printf("%s: %s\n%s", parameters, found, log);
    if (strcmp(found, lines) != 0)
        failed(__FILE__, __LINE__, "%s gives %s, expected %s", parameters, found, lines);
    if (complaint) EQUAL(count_lines(log, "kaio: ", complaint), 1);
    else EQUAL(count_lines(log, "kaio: ", NULL), 0);
}

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1) {
        work();
        return 0;
    }
    gives("", "1 1 1 1 1", NULL);
    gives("full_audit:to = stderr", "1 1 1 1 1", NULL);
    gives("full_audit:operations = write fsync", "1 0 1 0 0", NULL);
    gives("full_audit:operations = read", "0 1 0 0 1", NULL);
    gives("full_audit:operations = fdatasync", "0 0 0 1 0", NULL);
    gives("full_audit:results = failure", "0 0 0 0 1", NULL);
    gives("full_audit:results = success", "1 1 1 1 0", NULL);
    gives("full_audit:results = success failure", "1 1 1 1 1", NULL);
    gives("full_audit:operations = read; full_audit:results = success", "0 1 0 0 0", NULL);
    // Nothing is written where the stack is the standard one.
    gives("full_audit:operations = open", "0 0 0 0 0", "full_audit:operations = open: not some of: read write");
    gives("full_audit:format = xml", "0 0 0 0 0", "full_audit:format = xml: not one of: text json");
}
