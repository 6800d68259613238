// holds: KAIO_VERBOSE=1 says one line at first use: version, stack and ring size. Without it stderr stays empty.
// source: kaio
#include "../check.h"

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1) {
        for (int i = 0; i < 3; i++) check_service();
        return 0;
    }
    const char *(*version)(void) = (const char *(*)(void))dlsym(RTLD_DEFAULT, "kaio_version");
    CHECK(version != NULL);
    const char *const settings[][4] = {
        {"KAIO_VERBOSE=1", NULL}, {"KAIO_VERBOSE=1", "KAIO_RING=64", NULL}, {"KAIO_VERBOSE=0", NULL}, {NULL}};
    for (int i = 0; i < 4; i++) {
        struct child child;
        run_again(&child, "work", settings[i], NULL);
        SUCCEEDED(&child);
        EQUAL(strlen(child.output), 0);
        if (i >= 2) {
            EQUAL(strlen(child.errors), 0);
            continue;
        }
        printf("%s", child.errors);
        char first[1024];
        snprintf(first, sizeof first, "%.*s", (int)strcspn(child.errors, "\n"), child.errors);
        CHECK(strncmp(first, "kaio", 4) == 0);
        CHECK(strstr(first, version()) != NULL);
        CHECK(strstr(first, "ordered") && strstr(first, "aio_linux") && strstr(first, "aio_pthread"));
        CHECK(strstr(first, i ? "64" : "256") != NULL);
        EQUAL(count_lines(child.errors, "ring", "ordered"), 1);
    }
}
