// holds: KAIO_SHOW_STATS=1 prints the numbers on stderr at exit; not on stdout, and not without it.
// source: kaio
#include "../check.h"

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1) {
        int descriptor = scratch_file(0);
        char block[789] = {0};
        for (int i = 0; i < 41; i++) {
            struct aiocb control = request(descriptor, block, sizeof block, 0);
            OK(aio_write(&control));
            EQUAL(FINISH(&control), sizeof block);
        }
        printf("its own words\n");
        return 0;
    }
    struct child child;
    run_again(&child, "work", (const char *[]){"KAIO_SHOW_STATS=1", NULL}, NULL);
    SUCCEEDED(&child);
    printf("%s", child.errors);
    CHECK(strcmp(child.output, "its own words\n") == 0);
    CHECK(count_lines(child.errors, "41", "write") >= 1);
    CHECK(count_lines(child.errors, "32349", "written") >= 1);  // 41 times 789 bytes
    run_again(&child, "work", (const char *[]){"KAIO_SHOW_STATS=0", NULL}, NULL);
    SUCCEEDED(&child);
    EQUAL(strlen(child.errors), 0);
}
