// holds: The library exports the C library's AIO, kaio.h, and the calls that close descriptors, without versions, and nothing else.
// source: kaio
//
// Any other name might hide one of the program's, or of another library.
#include "../check.h"

static const char *const required[] = {
    "aio_read",   "aio_write",   "aio_fsync",   "aio_error",   "aio_return",   "aio_suspend",
    "aio_cancel", "lio_listio",  "aio_read64",  "aio_write64", "aio_fsync64",  "aio_error64",
    "aio_return64", "aio_suspend64", "aio_cancel64", "lio_listio64", "aio_init",
    "aio_readv",  "aio_writev",  "aio_waitcomplete", "aio_waitn",
    "close",      "close_range", "closefrom",  "dup2",     "dup3",
    "fclose",     "freopen",     "freopen64",
};

static int is_in(const char *const *names, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0) return 1;
    return 0;
}

int main(void) {
    char command[PATH_MAX + 32], name[256];
    snprintf(command, sizeof command, "nm -D --defined-only --extern-only '%s'", getenv("CHECK_LIBRARY"));
    FILE *names = popen(command, "re");
    CHECK(names != NULL);
    size_t found = 0;
    while (fscanf(names, "%*x %*c %255s", name) == 1) {
        printf("%s\n", name);
        if (strchr(name, '@')) failed(__FILE__, __LINE__, "%s has a version", name);
        if (is_in(required, sizeof required / sizeof *required, name)) found++;
        else if (strncmp(name, "kaio_", 5) != 0)
            failed(__FILE__, __LINE__, "exports %s", name);
    }
    EQUAL(pclose(names), 0);
    EQUAL(found, sizeof required / sizeof *required);
}
