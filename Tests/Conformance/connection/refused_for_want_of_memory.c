// holds: A kaio_connect that fails for want of memory again and again keeps no more of it, and leaves no module connected.
// source: kaio
// modes: linked
#include "../connection.h"
#include "../vfs/vfs.h"
#include <sys/resource.h>

enum { tries = 20 };
static int connects, disconnects;

static int on_connect(kaio_vfs_handle *handle, const char *service) {
    int result = KAIO_VFS_NEXT_CONNECT(handle, service);
    connects += result == 0;
    return result;
}
static void on_disconnect(kaio_vfs_handle *handle) {
    disconnects++;
    KAIO_VFS_NEXT_DISCONNECT(handle);
}

// In KiB.
static long address_space(void) {
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    CHECK(file && fscanf(file, "%ld", &pages) == 1);
    OK(fclose(file));
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void refused(const char *objects, const char *parameters, long mebibytes) {
    long before = address_space(), first = 0;
    struct rlimit unlimited, limit;
    OK(getrlimit(RLIMIT_AS, &unlimited));
    limit = unlimited;
    limit.rlim_cur = (rlim_t)before * 1024 + ((rlim_t)mebibytes << 20);
    OK(setrlimit(RLIMIT_AS, &limit));
    for (int i = 0; i < tries; i++) {
        errno = 0;
        CHECK(kaio_connect("test", objects, parameters) == NULL);
        // A stack that could be made is kept, to be used again.
        if (i == 0) first = address_space();
    }
    OK(setrlimit(RLIMIT_AS, &unlimited));
    printf("%s: %ld KiB more\n", objects, address_space() - first);
    CHECK(address_space() - first < 4096);
}

int main(void) {
    struct kaio_vfs_fns fns = {.connect_fn = on_connect, .disconnect_fn = on_disconnect};
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "counter", &fns));
    kaio_connection *first = connected("counter aio_pthread", NULL);
    // Room for one of the two things that full_audit has for each request.
    refused("full_audit aio_pthread", "full_audit:to = /dev/null", 100);
    // Room for all but the log.
    refused("full_audit counter aio_pthread", "full_audit:to = /dev/null; full_audit:buffer = 1G", 600);
    refused("time_audit counter aio_pthread", "time_audit:to = /dev/null; time_audit:buffer = 1G", 600);
    OK(kaio_disconnect(first));
    EQUAL(connects, disconnects);
}
