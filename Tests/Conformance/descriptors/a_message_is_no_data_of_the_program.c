// holds: A message goes to descriptor 2 as long as that is what it was when the program began, or what it has put there by dup2 since: not into a file that the program has opened there, however it closed 2.
// source: kaio
// modes: preloaded linked
#include "../check.h"

static void work(const char *how) {
    if (strcmp(how, "close") == 0) close(2);
    if (strcmp(how, "fclose") == 0) fclose(stderr);
    if (strcmp(how, "raw") == 0) syscall(SYS_close, 2);
    int file = scratch_file(0);
    if (strcmp(how, "dup2") == 0) dup2(file, 2);
    int isData = strcmp(how, "nothing") != 0;
    if (isData) EQUAL(write(2, "DATA", 4), 4);
    static char block[512];
    struct aiocb control = request(scratch_file(0), block, sizeof block, 0);
    OK(aio_write(&control));
    EQUAL(FINISH(&control), sizeof block);
    char content[512];
    if (strcmp(how, "dup2") == 0) CHECK(pread(file, content, sizeof content, 0) > 4);
    else if (isData) EQUAL(pread(file, content, sizeof content, 0), 4);
}

int main(int arguments, char **names) {
    if (arguments > 1) {
        work(names[1]);
        return 0;
    }
    static const char *hows[] = {"close", "fclose", "raw", "dup2", "nothing"};
    for (int i = 0; i < 5; i++) {
        struct child child;
        run_again(&child, hows[i], (const char *[]){"KAIO_VERBOSE=1", NULL}, NULL);
        EQUAL(child.status, 0);
        CHECK((strstr(child.errors, "kaio") != NULL) == (i == 4));
    }
}
