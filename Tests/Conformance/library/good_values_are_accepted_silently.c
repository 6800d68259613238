// holds: Every option takes the ends of its range, and says nothing.
// source: kaio
// limit: 40
#include "../check.h"

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1) {
        check_service();
        return 0;
    }
    const char *const good[] = {
        "KAIO_ABORT_HEALED=1", "KAIO_VERBOSE=0", "KAIO_SHOW_STATS=0", "KAIO_IDLE_SECONDS=0", "KAIO_IDLE_SECONDS=86400", "KAIO_WORKERS=1",
        "KAIO_WORKERS=256", "KAIO_RING=1", "KAIO_RING=4096", "KAIO_RING_AFTER=0", "KAIO_RING_AFTER=1000000", "KAIO_MAX_REQUESTS=1000",
        "KAIO_VFS_OBJECTS=ordered aio_linux aio_pthread", "KAIO_VFS_OBJECTS=aio_pthread",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct child child;
        run_again(&child, "work", (const char *[]){good[i], NULL}, NULL);
        SUCCEEDED(&child);
        if (child.errors[0]) failed(__FILE__, __LINE__, "%s: stderr is \"%s\"", good[i], child.errors);
    }
}
