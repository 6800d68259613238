// holds: A KAIO_STATS_FILE that cannot be written is named on stderr, and the program ends as it would have.
// source: kaio
#include "../check.h"

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1) {
        check_service();
        return 3;
    }
    struct child child;
    run_again(&child, "work", (const char *[]){"KAIO_STATS_FILE=/proc/nowhere/stats", NULL}, NULL);
    CHECK(WIFEXITED(child.status));
    EQUAL(WEXITSTATUS(child.status), 3);
    printf("%s", child.errors);
    EQUAL(count_lines(child.errors, "kaio", "/proc/nowhere/stats"), 1);
}
