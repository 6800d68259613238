// holds: A C program that calls the functions of <aio.h> calls libkaio's, linked or preloaded, and its requests run there.
// source: kaio
#include "../check.h"

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1) {
        check_service();  // a write and a read
        return 0;
    }
    CHECK(is_from_library((void *)aio_read));
    CHECK(is_from_library((void *)aio_write));
    CHECK(is_from_library((void *)aio_fsync));
    CHECK(is_from_library((void *)aio_error));
    CHECK(is_from_library((void *)aio_return));
    CHECK(is_from_library((void *)aio_suspend));
    CHECK(is_from_library((void *)aio_cancel));
    CHECK(is_from_library((void *)lio_listio));

    char path[PATH_MAX], setting[PATH_MAX + 32], json[4096];
    snprintf(setting, sizeof setting, "KAIO_STATS_FILE=%s", path_of(path, "stats"));
    struct child child;
    run_again(&child, "work", (const char *[]){setting, NULL}, NULL);
    SUCCEEDED(&child);
    take_file(path, json, sizeof json);
    EQUAL(stat_of(json, "requests", "read"), 1);
    EQUAL(stat_of(json, "requests", "write"), 1);
}
