// holds: A program whose KAIO_CONFIG is wrong or can't be read runs as if it were not set, and each error is said on stderr once.
// source: kaio
#include "configuration.h"

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1) {
        check_service();
        check_service();
        return 0;
    }
    char path[PATH_MAX], setting[PATH_MAX + 32];
    struct child child;
    snprintf(setting, sizeof setting, "KAIO_CONFIG=%s",
             configuration_file(path, "wrong.conf", "vfs objects = magic\nnonsense\n"));
    run_again(&child, "work", (const char *[]){setting, "KAIO_VERBOSE=1", NULL}, NULL);
    SUCCEEDED(&child);
    printf("%s", child.errors);
    EQUAL(count_lines(child.errors, "wrong.conf:1: ", "magic"), 1);
    EQUAL(count_lines(child.errors, "wrong.conf:2: ", "nonsense"), 1);
    EQUAL(count_lines(child.errors, "wrong.conf: not used", NULL), 1);
    EQUAL(count_lines(child.errors, ": stack ordered aio_linux aio_poll aio_pthread", NULL), 1);
    EQUAL(count_lines(child.errors, "kaio", NULL), 4);

    // Rules are not known to be wrong before the module is made.
    snprintf(setting, sizeof setting, "KAIO_CONFIG=%s",
             configuration_file(path, "rules.conf", "vfs objects = error_inject\n\nerror_inject:rules = write EFOO\n"));
    run_again(&child, "work", (const char *[]){setting, NULL}, NULL);
    SUCCEEDED(&child);
    printf("%s", child.errors);
    EQUAL(count_lines(child.errors, "rules.conf:3: [global] error_inject:rules = write EFOO: not a rule", NULL), 1);
    EQUAL(count_lines(child.errors, "rules.conf:1: module error_inject can't be used", NULL), 1);
    EQUAL(count_lines(child.errors, "kaio", NULL), 2);

    run_again(&child, "work", (const char *[]){"KAIO_CONFIG=/no/such/file", NULL}, NULL);
    SUCCEEDED(&child);
    printf("%s", child.errors);
    EQUAL(count_lines(child.errors, "/no/such/file", "No such file or directory"), 1);
    EQUAL(count_lines(child.errors, "kaio", NULL), 2);

    snprintf(setting, sizeof setting, "KAIO_CONFIG=%s",
             configuration_file(path, "good.conf", "[data]\npath = /data/*\nvfs objects = ordered\n"));
    run_again(&child, "work", (const char *[]){setting, NULL}, NULL);
    SUCCEEDED(&child);
    SAYS(child.errors, "");
}
