// holds: A module in two services has two handles, with the parameters, the data and the name of each.
// source: kaio
// links: -Wl,-z,dynamic-undefined-weak
#include "vfs.h"

struct settings {
    long number;
    size_t size;
    int flag, reads;
    const char *text;
    char service[16];
};

static int freed;

static void free_data(void *data) {
    freed++;
    free(data);
}

static int on_connect(kaio_vfs_handle *handle, const char *service) {
    OK(KAIO_VFS_NEXT_CONNECT(handle, service));
    CHECK(kaio_vfs_data(handle) == NULL);
    kaio_vfs_set_data(handle, malloc(1), free_data);
    struct settings *settings = calloc(1, sizeof *settings);
    settings->number = kaio_vfs_parm_int(handle, "number", 7);
    settings->size = kaio_vfs_parm_size(handle, "a size", 4096);
    settings->flag = kaio_vfs_parm_bool(handle, "flag", 1);
    settings->text = kaio_vfs_parm_string(handle, "text", "none");
    CHECK(kaio_vfs_parm_string(handle, "text", "none") == settings->text);
    CHECK(kaio_vfs_parm_string(handle, "other", NULL) == NULL);
    snprintf(settings->service, sizeof settings->service, "%s", service);
    CHECK(strcmp(kaio_vfs_service(handle), service) == 0);
    CHECK(strcmp(kaio_vfs_name(handle), "mine") == 0);
    kaio_vfs_set_data(handle, settings, free_data);
    EQUAL(freed, 1);
    freed = 0;
    CHECK(kaio_vfs_data(handle) == settings);
    return 0;
}

static struct settings *latest;

static void on_read(kaio_vfs_handle *handle, kaio_request *request) {
    latest = kaio_vfs_data(handle);
    latest->reads++;
    KAIO_VFS_NEXT_AIO_READ(handle, request);
}

static struct settings *settings_of(const char *name) {
    char path[PATH_MAX], buffer[1];
    int file = open(path_of(path, name), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct aiocb control = request(file, buffer, 1, 0);
    OK(aio_read(&control));
    EQUAL(FINISH(&control), 0);
    close(file);
    return latest;
}

int main(void) {
    struct kaio_vfs_fns fns = {.connect_fn = on_connect, .aio_read_fn = on_read};
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "mine", &fns));
    char path[PATH_MAX];
    FILE *file = fopen(path_of(path, "kaio.conf"), "we");
    fputs("[global]\nvfs objects = mine ordered aio_linux\nmine:text = everywhere\n"
          "[one]\npath = */one\nmine:number = -5\nMine:A Size = 64k\nmine:flag = no\n"
          "[two]\npath = */two\nmine:text = \"a b\"\nmine:size = x\n[three]\npath = */three\nmine:number = many\n", file);
    fclose(file);
    setenv("KAIO_CONFIG", path, 1);
    struct said said;
    listen_to_stderr(&said);
    struct settings *global = settings_of("zero"), *one = settings_of("one"), *two = settings_of("two");
    settings_of("two");
    // A stack with a value that is refused is not used, and its module is never asked.
    CHECK(settings_of("three") == two);
    stop_listening(&said);
    EQUAL(global->number, 7);
    EQUAL(global->size, 4096);
    EQUAL(global->flag, 1);
    CHECK(strcmp(global->text, "everywhere") == 0 && strcmp(global->service, "global") == 0);
    EQUAL(one->number, -5);
    EQUAL(one->size, 65536);
    EQUAL(one->flag, 0);
    CHECK(strcmp(one->text, "everywhere") == 0 && strcmp(one->service, "one") == 0);
    EQUAL(two->number, 7);
    CHECK(strcmp(two->text, "a b") == 0 && strcmp(two->service, "two") == 0);
    EQUAL(global->reads + one->reads, 2);
    EQUAL(two->reads, 2);
    EQUAL(freed, 1);
    HAS(said.text, "kaio.conf:15: [three] mine:number = many: not a number from");
    HAS(said.text, "mine:size: the module has no such parameter");
}
