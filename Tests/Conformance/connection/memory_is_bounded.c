// holds: Ten thousand connections, each with parameters of its own, and ten thousand that fail in different ways, leave no memory, mapping or descriptor behind.
// source: kaio
// limit: 60
// modes: linked
#include "../connection.h"
#include <kaio_vfs.h>

static int mappings(void) {
    FILE *maps = fopen("/proc/self/maps", "re");
    CHECK(maps);
    int lines = 0;
    for (int byte; (byte = getc(maps)) != EOF;) lines += byte == '\n';
    fclose(maps);
    return lines;
}

static long reserved(void) {
    long pages;
    FILE *statm = fopen("/proc/self/statm", "re");
    CHECK(statm && fscanf(statm, "%ld", &pages) == 1);
    fclose(statm);
    return pages * 4;
}

static int connects;

static int connect_module(kaio_vfs_handle *handle, const char *service) {
    if (KAIO_VFS_NEXT_CONNECT(handle, service) != 0) return -1;
    void *data = malloc(1024);
    if (!data) return -1;
    memset(data, 1, 1024);
    kaio_vfs_set_data(handle, data, free);
    CHECK(kaio_vfs_parm_string(handle, "text", NULL));
    connects++;
    if (!kaio_vfs_parm_bool(handle, "refuses", 0)) return 0;
    errno = EACCES;
    return -1;
}

static void succeed(int i, char *buffer) {
    char service[32], parameters[256];
    snprintf(service, sizeof service, "service %d", i);
    snprintf(parameters, sizeof parameters, "error_inject:seed = %d; mine:text = text %d; full_audit:to = /dev/null", i, i);
    kaio_connection *connection = kaio_connect(
        service, "mine full_audit time_audit error_inject delay_inject aio_ratelimit readonly readahead ordered aio_linux",
        parameters);
    CHECK(connection);
    if (i % 10 == 0) {
        kaio_file *file = kaio_open(connection, "data", O_RDONLY, 0);
        CHECK(file);
        struct aiocb control = request(-1, buffer, 4096, 0);
        OK(kaio_aio_read(file, &control));
        EQUAL(finished(connection, file, &control), 4096);
    }
    OK(kaio_disconnect(connection));
}

static void fail(int i) {
    char parameters[256];
    snprintf(parameters, sizeof parameters, "error_inject:rules = read EIO nth %d; mine:text = x; mine:refuses = yes", i + 1);
    const char *all = "stats full_audit error_inject delay_inject readonly readahead mine ordered aio_linux";
    switch (i % 5) {
        case 0: CHECK(!kaio_connect("a", all, parameters)); EQUAL(errno, EACCES); break;
        case 1: CHECK(!kaio_connect("a", "stats full_audit mine nosuchmodule", "")); EQUAL(errno, ENOENT); break;
        case 2: CHECK(!kaio_connect("a", all, "error_inject:rules = nonsense")); EQUAL(errno, EINVAL); break;
        case 3: CHECK(!kaio_connect("a", all, "stats:format = nonsense")); EQUAL(errno, EINVAL); break;
        case 4: CHECK(!kaio_connect("a", all, "readonly:period = nonsense")); EQUAL(errno, EINVAL); break;
    }
}

int main(void) {
    struct kaio_vfs_fns functions = {.connect_fn = connect_module};
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "mine", &functions));
    char *buffer = aligned_buffer(4096);
    int plain = open("data", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    write_pattern(plain, 4096, 1, 0);
    close(plain);
    // What failures say is not wanted here.
    int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC), stderr_before = dup(STDERR_FILENO);
    kaio_connection *other = connected(NULL, NULL);
    for (int i = 0; i < 500; i++) succeed(i, buffer);
    dup2(quiet, STDERR_FILENO);
    for (int i = 0; i < 500; i++) fail(i);
    dup2(stderr_before, STDERR_FILENO);
    sleep(3);
    int maps = mappings(), descriptors = count_descriptors();
    long memory = resident_memory(), room = reserved();
    for (int i = 500; i < 10500; i++) succeed(i, buffer);
    dup2(quiet, STDERR_FILENO);
    for (int i = 500; i < 10500; i++) fail(i);
    dup2(stderr_before, STDERR_FILENO);
    sleep(3);
    printf("%d of %d mappings, %ld of %ld KiB, %ld of %ld KiB reserved\n", mappings(), maps, resident_memory(), memory, reserved(), room);
    CHECK(connects >= 12000);
    CHECK(mappings() <= maps + 4);
    CHECK(resident_memory() <= memory + 256);
    CHECK(reserved() <= room + 4096);
    EQUAL(count_descriptors(), descriptors);
    OK(kaio_disconnect(other));
}
