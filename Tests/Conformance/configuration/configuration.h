// What the programs about the configuration share: files in a directory of the test's own, and kaio_testparm.
#ifndef KAIO_TESTS_CONFIGURATION_H
#define KAIO_TESTS_CONFIGURATION_H

#include "../check.h"
#include "../../../include/kaio.h"

static UNUSED const char *configuration_file(char path[PATH_MAX], const char *name, const char *text) {
    FILE *file = fopen(path_of(path, name), "we");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0)
        failed(__FILE__, __LINE__, "%s: %s", path, strerror(errno));
    return path;
}

// The library's own, also in a program that was not linked with it.
static UNUSED int testparm(const char *file) {
    __typeof__(kaio_testparm) *function = (__typeof__(kaio_testparm) *)dlsym(RTLD_DEFAULT, "kaio_testparm");
    if (!is_from_library((void *)function)) failed(__FILE__, __LINE__, "kaio_testparm is not the library's");
    return function(file);
}

// What kaio_testparm says of a file: its result, errno, and what it wrote.
struct report {
    int result, error;
    char output[32768], errors[32768];
};

static UNUSED void check_file(struct report *report, const char *file) {
    int output = scratch_file(0), errors = scratch_file(0);
    fflush(NULL);
    int saved_output = dup(STDOUT_FILENO), saved_errors = dup(STDERR_FILENO);
    dup2(output, STDOUT_FILENO);
    dup2(errors, STDERR_FILENO);
    errno = 0;
    report->result = testparm(file);
    report->error = errno;
    dup2(saved_output, STDOUT_FILENO);
    dup2(saved_errors, STDERR_FILENO);
    close(saved_output);
    close(saved_errors);
    read_whole(output, report->output, sizeof report->output);
    read_whole(errors, report->errors, sizeof report->errors);
    printf("kaio_testparm: %d, errno %d\n%s%s", report->result, report->error, report->output, report->errors);
}

#define SAYS(text, expected)                                                                       \
    do {                                                                                           \
        if (strcmp((text), (expected)) != 0)                                                       \
            failed(__FILE__, __LINE__, "%s is \"%s\", expected \"%s\"", #text, (text), (expected)); \
    } while (0)

#endif
