// holds: Of a file that is wrong in each of its lines the first 40 are named, and how many more there are; so it is with the values of ten thousand services, and with the words of KAIO_VFS_PARAMETERS.
// source: kaio
// limit: 60
#include "configuration.h"

enum { most = 40 };

static void is_bounded(const char *errors, const char *what, int more) {
    char line[64];
    snprintf(line, sizeof line, "kaio: %d more lines like these are left out", more);
    EQUAL(count_lines(errors, what, NULL), most);
    EQUAL(count_lines(errors, line, NULL), 1);
}

static const char *run(const char *variable) {
    static struct child child;
    run_again(&child, "work", (const char *[]){variable, NULL}, NULL);
    SUCCEEDED(&child);
    printf("%s", child.errors);
    return child.errors;
}

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1) {
        check_service();
        return 0;
    }
    enum { lines = 100000, services = 10000 };
    char path[PATH_MAX], variable[PATH_MAX + 32];
    static struct report report;
    FILE *file = fopen(path_of(path, "bad.conf"), "we");
    for (int i = 0; i < lines; i++) fputs("x\n", file);
    fclose(file);
    check_file(&report, path);
    EQUAL(report.error, EINVAL);
    is_bounded(report.errors, "no \"=\"", lines - most);
    EQUAL(count_lines(report.errors, "kaio: ", NULL), most + 1);
    snprintf(variable, sizeof variable, "KAIO_CONFIG=%s", path);
    const char *errors = run(variable);
    is_bounded(errors, "no \"=\"", lines - most);
    // What comes of it is said all the same.
    EQUAL(count_lines(errors, "kaio: KAIO_CONFIG=", ": not used, for the error above"), 1);
    EQUAL(count_lines(errors, "kaio: ", NULL), most + 2);

    // What the modules say: two lines for each service.
    file = fopen(path_of(path, "values.conf"), "we");
    for (int i = 0; i < services; i++)
        fprintf(file, "[%d]\npath=/%d\nvfs objects=readonly ordered\nreadonly:period=x\n", i, i);
    fclose(file);
    snprintf(variable, sizeof variable, "KAIO_CONFIG=%s", path);
    is_bounded(run(variable), "values.conf:", 2 * services - most);
    // And warnings.
    file = fopen(path_of(path, "warnings.conf"), "we");
    for (int i = 0; i < services; i++) fprintf(file, "[%d]\n", i);
    fclose(file);
    check_file(&report, path);
    is_bounded(report.errors, "warning: ", services - most);

    static char words[100000] = "KAIO_VFS_PARAMETERS=";
    for (size_t i = strlen(words); i + 2 < sizeof words; i += 2) memcpy(words + i, "x;", 3);
    errors = run(words);
    is_bounded(errors, ": x: not \"module:name = value\"", (int)(strlen(words) - 20) / 2 - most);
}
