// holds: dlsym(RTLD_DEFAULT) finds libkaio's functions, by every name, and requests made through it run there.
// source: kaio
#include "../check.h"

static void work(void) {
    int (*read_by_name)(struct aiocb *) = (int (*)(struct aiocb *))dlsym(RTLD_DEFAULT, "aio_read");
    int descriptor = scratch_file(0);
    char block[4096];
    write_pattern(descriptor, sizeof block, 1, 0);
    for (int i = 0; i < 5; i++) {
        struct aiocb control = request(descriptor, block, sizeof block, 0);
        OK(read_by_name(&control));
        EQUAL(FINISH(&control), sizeof block);
        VERIFY(block, sizeof block, 1, 0);
    }
}

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1) {
        work();
        return 0;
    }
    const char *const names[] = {
        "aio_read",     "aio_write",     "aio_fsync",    "aio_error",    "aio_return",  "aio_suspend",
        "aio_cancel",   "lio_listio",    "aio_read64",   "aio_write64",  "aio_fsync64", "aio_error64",
        "aio_return64", "aio_suspend64", "aio_cancel64", "lio_listio64", "aio_init",    "kaio_version",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!is_from_library(dlsym(RTLD_DEFAULT, names[i])))
            failed(__FILE__, __LINE__, "dlsym finds another %s", names[i]);

    char path[PATH_MAX], setting[PATH_MAX + 32], json[4096];
    snprintf(setting, sizeof setting, "KAIO_STATS_FILE=%s", path_of(path, "stats"));
    struct child child;
    run_again(&child, "work", (const char *[]){setting, NULL}, NULL);
    SUCCEEDED(&child);
    take_file(path, json, sizeof json);
    EQUAL(stat_of(json, "requests", "read"), 5);
}
