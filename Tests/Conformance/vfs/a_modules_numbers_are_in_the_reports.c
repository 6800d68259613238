// holds: What a module in C counts is in KAIO_STATS_FILE and in the report of stats; a request of its own may do all that the program's does, and pass ordered at once.
// source: kaio
// links: -Wl,-z,dynamic-undefined-weak
#include "vfs.h"

#pragma weak kaio_vfs_numbers
#pragma weak kaio_vfs_count

static int connect_counter(kaio_vfs_handle *handle, const char *service) {
    if (KAIO_VFS_NEXT_CONNECT(handle, service) != 0) return -1;
    return kaio_vfs_numbers(handle, "reads bytes =now");
}

// As a whole, by a request of the module's own. In order it would wait for the one that it is for, if that were below.
static void count_read(kaio_vfs_handle *handle, kaio_request *request) {
    struct kaio_own own = {.operation = KAIO_OPERATION_READ, .fd = -1, .flags = KAIO_OWN_UNORDERED};
    kaio_vfs_count(handle, 0, 1);
    kaio_vfs_count(handle, 2, 1);
    CHECK(kaio_vfs_own(handle, request, &own));
    EQUAL(kaio_vfs_start(handle, request), 0);
}

static ssize_t counted(kaio_vfs_handle *handle, kaio_request *request, ssize_t result) {
    (void)request;
    kaio_vfs_count(handle, 1, result);
    kaio_vfs_count(handle, 2, -1);
    kaio_vfs_count(handle, 16, 1);
    return result;
}

#pragma weak aio_readv
ssize_t aio_readv(struct aiocb *control);

static void work(void) {
    const struct kaio_vfs_fns fns = {.connect_fn = connect_counter, .aio_read_fn = count_read, .joined_fn = counted};
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "counter", &fns));
    static unsigned char data[3][1000];
    int file = scratch_file(0);
    write_pattern(file, 3000, 1, 0);
    struct iovec vector[] = {{data[0], 1000}, {data[1], 1000}};
    struct aiocb several = request(file, vector, 2, 0), single = request(file, data[2], 1000, 2000);
    OK(aio_readv(&several));
    OK(aio_read(&single));
    EQUAL(FINISH(&several), 2000);
    EQUAL(FINISH(&single), 1000);
    VERIFY(data, 3000, 1, 0);
    exit(0);
}

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1) work();
    char path[PATH_MAX], counts[PATH_MAX + 32], report[PATH_MAX + 64], text[32768];
    snprintf(counts, sizeof counts, "KAIO_STATS_FILE=%s", path_of(path, "counts"));
    snprintf(report, sizeof report, "KAIO_VFS_PARAMETERS=stats:format=json; stats:file=%s", path_of(path, "report"));
    const char *environment[] = {
        counts, report, "KAIO_VFS_OBJECTS=stats counter ordered aio_linux aio_poll aio_pthread", NULL};
    struct child child;
    run_again(&child, "work", environment, NULL);
    SUCCEEDED(&child);
    for (int i = 0; i < 2; i++) {
        take_file(path_of(path, i ? "report" : "counts"), text, sizeof text);
        EQUAL(stat_of(text, "counter", "reads"), 2);
        EQUAL(stat_of(text, "counter", "bytes"), 3000);
        EQUAL(stat_of(text, "counter", "now"), 0);
    }
}
