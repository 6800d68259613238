// holds: Time to read a configuration grows as its size: 100,000 services, and 10,000 with 50,000 parameters, and one that includes another over and over has an end that is named.
// source: kaio
// limit: 60
#include "../configuration/configuration.h"
#include "trust.h"
#include <sys/resource.h>

static double processor_time(void) {
    struct rusage usage;
    OK(getrusage(RUSAGE_SELF, &usage));
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double check_with_output_away(const char *path, int expected) {
    fflush(NULL);
    int output = dup(STDOUT_FILENO), errors = dup(STDERR_FILENO), nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(nothing, STDOUT_FILENO);
    if (expected == 0) dup2(nothing, STDERR_FILENO);
    double start = processor_time();
    int result = testparm(path);
    double took = processor_time() - start;
    dup2(output, STDOUT_FILENO);
    dup2(errors, STDERR_FILENO);
    close(output);
    close(errors);
    close(nothing);
    printf("%s: %d, %.3f s\n", path, result, took);
    EQUAL(result, expected);
    return took;
}

// So many services in files of at most a megabyte, which the first one includes.
static const char *services(char path[PATH_MAX], const char *name, int count, const char *const parameters[]) {
    char part[PATH_MAX], part_name[64];
    FILE *first = fopen(path_of(path, name), "we"), *file = NULL;
    CHECK(first);
    for (int i = 0; i < count; i++) {
        if (i % 4000 == 0) {
            if (file) fclose(file);
            snprintf(part_name, sizeof part_name, "%s.%d", name, i);
            file = fopen(path_of(part, part_name), "we");
            CHECK(file);
            fprintf(first, "include = %s\n", part_name);
        }
        fprintf(file, "[%d]\npath=/%d/*\n", i, i);
        if (parameters) fprintf(file, "vfs objects = delay_inject ordered aio_linux\n");
        for (int k = 0; parameters && parameters[k]; k++) fprintf(file, "delay_inject:%s\n", parameters[k]);
    }
    fclose(file);
    fclose(first);
    return path;
}

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1) {
        double start = now();
        check_service();
        printf("first request %.3f s\n", now() - start);
        return 0;
    }
    char path[PATH_MAX], variable[PATH_MAX + 32];
    // Ten times what it takes here, on a machine that does something else too; in a square it would be a minute.
    CHECK(check_with_output_away(services(path, "many.conf", 100000, NULL), 0) < 5 * times_slower());
    const char *const five[] = {"delay=1ms", "minimum=1ms", "seed=1", "operations=read", "distribution=fixed", NULL};
    CHECK(check_with_output_away(services(path, "five.conf", 10000, five), 0) < 2 * times_slower());
    static struct child child;
    snprintf(variable, sizeof variable, "KAIO_CONFIG=%s", path);
    run_again(&child, "work", (const char *[]){variable, NULL}, NULL);
    SUCCEEDED(&child);
    printf("%s%s", child.output, child.errors);
    EQUAL(strlen(child.errors), 0);

    // The file of another user, who looks at it himself, as one does who has got it from a stranger.
    if (geteuid() == 0) {
        int file = open(path_of(path, "five.conf.0"), O_RDONLY);
        CHECK(file >= 0);
        OK(fchown(file, stranger, stranger));
        pid_t process = fork();
        if (process == 0) {
            be_the_stranger();
            snprintf(path, sizeof path, "/proc/self/fd/%d", file);
            CHECK(check_with_output_away(path, 0) < 2 * times_slower());
            _exit(0);
        }
        EXITS(process);
    } else {
        printf("skipped in part: a second user can be had by root only\n");
    }

    // Each includes the next a thousand times: a thousand to the ninth.
    for (int level = 0; level < 9; level++) {
        char name[32];
        snprintf(name, sizeof name, "level%d", level);
        FILE *file = fopen(path_of(path, name), "we");
        for (int i = 0; i < 1000; i++) fprintf(file, "include = level%d\n", level + 1);
        fclose(file);
    }
    configuration_file(path, "level9", "");
    CHECK(check_with_output_away(path_of(path, "level0"), -1) < 5 * times_slower());
}
