// holds: Clean blocks that were not used for `bufio:max age` go, but for `bufio:retain` bytes of each file; what is used stays.
// source: kaio
// modes: preloaded
// limit: 120
#include "../check.h"

enum { size = 4096, blocks = 256 };

static long blocks_now(const char *path) {
    char text[8192];
    int file = open(path, O_RDONLY);
    read_whole(file, text, sizeof text);
    return stat_of(text, "bufio", "blocks");
}

static void work(void) {
    unsigned char *block = aligned_buffer(size);
    int file = scratch_file(O_DIRECT);
    write_pattern(file, blocks * size, 1, 0);
    for (int i = 0; i < blocks; i++) {
        struct aiocb control = request(file, block, size, (off_t)(i * 97 % blocks) * size);
        OK(aio_read(&control));
        EQUAL(FINISH(&control), size);
    }
    // The first 16 are used all the time; it is looked at each 30 seconds.
    for (double end = now() + 66; now() < end; sleep_for(0.05)) {
        for (int i = 0; i < 16; i++) {
            struct aiocb control = request(file, block, size, (off_t)i * size);
            OK(aio_read(&control));
            EQUAL(FINISH(&control), size);
            VERIFY(block, size, 1, (uint64_t)i * size);
        }
    }
}

int main(int argc, char **argv) {
    (void)argv;
    if (argc > 1) {
        work();
        return 0;
    }
    static struct child child;
    char statistics[PATH_MAX + 32], path[PATH_MAX];
    snprintf(statistics, sizeof statistics, "KAIO_STATS_FILE=%s", path_of(path, "stats"));
    run_again(&child, "work", (const char *[]){
        "KAIO_VFS_OBJECTS=bufio ordered aio_linux aio_poll aio_pthread",
        "KAIO_VFS_PARAMETERS=bufio:max age=2s; bufio:retain=80k; bufio:prefetch=0", "KAIO_IDLE_SECONDS=0", statistics, NULL}, NULL);
    SUCCEEDED(&child);
    // 20 stay in any case, and those in use.
    long left = blocks_now(path);
    printf("%ld blocks are left\n", left);
    CHECK(left >= 20 && left <= 40);
}
