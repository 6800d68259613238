// What the programs about full_audit, time_audit and stats share.

#ifndef KAIO_TESTS_AUDIT_H
#define KAIO_TESTS_AUDIT_H

#include "../check.h"

enum { block = 4096 };

// A file with a name, in the test's own directory.
static UNUSED int named_file(const char *name, size_t size) {
    char path[PATH_MAX];
    int descriptor = open(path_of(path, name), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0) failed(__FILE__, __LINE__, "%s: %s", path, strerror(errno));
    write_pattern(descriptor, size, 1, 0);
    return descriptor;
}

static UNUSED ssize_t read_one(int descriptor, off_t offset) {
    static unsigned char buffer[block];
    struct aiocb control = request(descriptor, buffer, block, offset);
    OK(aio_read(&control));
    return FINISH(&control);
}

static UNUSED ssize_t write_one(int descriptor, off_t offset) {
    static unsigned char buffer[block];
    struct aiocb control = request(descriptor, buffer, block, offset);
    OK(aio_write(&control));
    return FINISH(&control);
}

static UNUSED void fsync_one(int descriptor, int operation) {
    struct aiocb control = request(descriptor, NULL, 0, 0);
    OK(aio_fsync(operation, &control));
    EQUAL(FINISH(&control), 0);
}

// A read that fails with EFAULT.
static UNUSED void fail_one(int descriptor) {
    struct aiocb control = request(descriptor, (void *)16, block, 0);
    OK(aio_read(&control));
    FINISHES_WITH(&control, EFAULT);
}

// The role of a program that ran again, in an environment with these modules and parameters.
static UNUSED void run_with(struct child *child, const char *role, const char *modules, const char *parameters) {
    char first[512], second[3 * PATH_MAX];
    snprintf(first, sizeof first, "KAIO_VFS_OBJECTS=%s ordered aio_linux aio_poll aio_pthread", modules);
    snprintf(second, sizeof second, "KAIO_VFS_PARAMETERS=%s", parameters);
    run_again(child, role, (const char *[]){first, second, NULL}, NULL);
    SUCCEEDED(child);
}

// The n-th line of a text, from 0, without its end.
static UNUSED const char *line_of(const char *text, int number, char line[4096]) {
    for (; number > 0 && *text; number--) text += strcspn(text, "\n") + 1;
    snprintf(line, 4096, "%.*s", (int)strcspn(text, "\n"), text);
    return line;
}

// A line's time must be within 10 seconds of now. Returns what follows it.
static UNUSED const char *skip_time(const char *line) {
    struct tm parts = {0};
    const char *end = strptime(line, "%Y-%m-%dT%H:%M:%S", &parts);
    if (!end || *end != '.' || strspn(end + 1, "0123456789") != 6 || end[7] != 'Z')
        failed(__FILE__, __LINE__, "no time in: %s", line);
    time_t difference = time(NULL) - timegm(&parts);
    if (difference < -1 || difference > 10 * times_slower()) failed(__FILE__, __LINE__, "another time in: %s", line);
    return end + 8;
}

// The number behind a word, such as " us=".
static UNUSED long number_behind(const char *line, const char *word) {
    const char *at = strstr(line, word);
    if (!at) failed(__FILE__, __LINE__, "no %s in: %s", word, line);
    return strtol(at + strlen(word), NULL, 10);
}

#endif
