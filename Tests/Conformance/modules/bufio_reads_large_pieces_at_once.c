// holds: The pieces of a large read through bufio are transferred at the same time, each block once, and counted once.
// source: kaio
// modes: preloaded
// limit: 60
#include "../vfs/vfs.h"

enum { size = 4096, blocks = 128, pieces = 4 };

static _Atomic unsigned int count;

// Reads wait until all pieces are here.
static void read_all(kaio_vfs_handle *handle, kaio_request *request) {
    kaio_vfs_hold(handle, request);
    if (++count < pieces) return;
    while ((request = kaio_vfs_take(handle))) KAIO_VFS_NEXT_AIO_READ(handle, request);
}

static void work(void) {
    static const struct kaio_vfs_fns fns = {.aio_read_fn = read_all};
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "mine", &fns));
    unsigned char *data = aligned_buffer(blocks * size);
    int file = scratch_file(O_DIRECT);
    write_pattern(file, blocks * size, 1, 0);
    for (int i = 0; i < 2; i++) {
        memset(data, 0, blocks * size);
        struct aiocb control = request(file, data, blocks * size, 0);
        OK(aio_read(&control));
        EQUAL(FINISH(&control), blocks * size);
        VERIFY(data, blocks * size, 1, 0);
    }
    EQUAL(count, pieces);
}

int main(int argc, char **argv) {
    (void)argv;
    if (argc > 1) {
        work();
        return 0;
    }
    static struct child child;
    static char json[65536];
    char statistics[PATH_MAX + 32], path[PATH_MAX];
    snprintf(statistics, sizeof statistics, "KAIO_STATS_FILE=%s", path_of(path, "statistics"));
    run_again(&child, "work", (const char *[]){"KAIO_VFS_OBJECTS=bufio ordered mine aio_linux aio_poll aio_pthread", statistics, NULL}, NULL);
    SUCCEEDED(&child);
    take_file(path, json, sizeof json);
    EQUAL(stat_of(json, "bufio", "misses"), blocks);
    EQUAL(stat_of(json, "bufio", "hits"), blocks);
    EQUAL(stat_of(json, "bufio", "transfers_in"), pieces);
}
