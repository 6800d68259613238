// holds: What group_sync counts, with the distribution of its syncs, is in KAIO_STATS_FILE and in the report of stats.
// source: kaio
#include "../check.h"

static void work(void) {
    static char data[4096];
    int file = scratch_file(O_DSYNC);
    for (int i = 0; i < 5; i++) {
        struct aiocb control = request(file, data, sizeof data, i * 4096);
        OK(aio_write(&control));
        EQUAL(FINISH(&control), sizeof data);
    }
    exit(0);
}

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1) work();
    char path[PATH_MAX], counts[PATH_MAX + 32], report[PATH_MAX + 64], text[32768];
    snprintf(counts, sizeof counts, "KAIO_STATS_FILE=%s", path_of(path, "counts"));
    snprintf(report, sizeof report, "KAIO_VFS_PARAMETERS=stats:format=json; stats:file=%s", path_of(path, "report"));
    const char *environment[] = {
        counts, report, "KAIO_VFS_OBJECTS=stats group_sync ordered aio_linux aio_poll aio_pthread", NULL};
    struct child child;
    run_again(&child, "work", environment, NULL);
    SUCCEEDED(&child);
    for (int i = 0; i < 2; i++) {
        take_file(path_of(path, i ? "report" : "counts"), text, sizeof text);
        EQUAL(stat_of(text, "group_sync", "writes"), 5);
        EQUAL(stat_of(text, "group_sync", "rerouted"), 5);
        EQUAL(stat_of(text, "group_sync", "syncs"), 5);
        EQUAL(stat_of(text, "group_sync", "largest_group"), 1);
        EQUAL(stat_of(text, "group_sync", "waiting"), 0);
        EQUAL(stat_of(text, "sync_us", "count"), 5);
        CHECK(stat_of(text, "sync_us", "max") >= stat_of(text, "sync_us", "50"));
        CHECK(strstr(text, "\"below\":{\""));
        // Five writes, five syncs, and what had a worker open the file.
        if (!i) EQUAL(stat_of(text, "own", "made"), 11);
    }
}
