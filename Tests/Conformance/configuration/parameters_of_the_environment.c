// holds: What is no parameter in KAIO_VFS_PARAMETERS, or none of its module, is named on stderr, and the program runs, on the standard stack.
// source: kaio
#include "configuration.h"

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1) {
        check_service();
        return 0;
    }
    struct child child;
    run_again(&child, "work", (const char *[]){"KAIO_VFS_PARAMETERS=stats:x=1; nonsense; ordered:=2", NULL}, NULL);
    SUCCEEDED(&child);
    printf("%s", child.errors);
    EQUAL(count_lines(child.errors, "KAIO_VFS_PARAMETERS: nonsense", "module:name = value"), 1);
    EQUAL(count_lines(child.errors, "KAIO_VFS_PARAMETERS: ordered:=2", "module:name = value"), 1);
    EQUAL(count_lines(child.errors, "KAIO_VFS_PARAMETERS: warning: stats:x: ", "no stack has"), 1);
    EQUAL(count_lines(child.errors, "kaio", NULL), 3);

    run_again(&child, "work", (const char *[]){"KAIO_VFS_PARAMETERS=aio_linux:x = 1 ; ordered:y=2;", NULL}, NULL);
    SUCCEEDED(&child);
    EQUAL(count_lines(child.errors, "KAIO_VFS_PARAMETERS: aio_linux:x: ", "no such parameter; it has aio num events"), 1);
    EQUAL(count_lines(child.errors, "KAIO_VFS_PARAMETERS: ordered:y: ", "no such parameter; it has none"), 1);
    EQUAL(count_lines(child.errors, "kaio: a module of ", "refuses a parameter; using "), 1);
    EQUAL(count_lines(child.errors, "kaio", NULL), 3);
}
