// holds: Where a plugin brings the library into a program without it, the plugin's requests are the C library's, all of them; what only kaio has fails with ENOSYS and a message. With RTLD_DEEPBIND, or with libkaio.a in the plugin, they are kaio's, all of them.
// source: kaio
// modes: preloaded
#include "../vfs/vfs.h"

static const char plugin[] =
    "#include <aio.h>\n"
    "#include <errno.h>\n"
    "#include <string.h>\n"
    "#include <kaio.h>\n"
    "void *whose(void) { return (void *)aio_read; }\n"
    "int use(int file, char *bytes) {\n"
    "    struct aiocb control, *done = 0;\n"
    "    const struct aiocb *list[1] = {&control};\n"
    "    memset(&control, 0, sizeof control);\n"
    "    control.aio_fildes = file; control.aio_buf = bytes; control.aio_nbytes = 4;\n"
    "    control.aio_sigevent.sigev_notify = SIGEV_NONE;\n"
    "    if (aio_read(&control) != 0 || aio_suspend(list, 1, 0) != 0 || aio_error(&control) != 0) return -1;\n"
    "    if (aio_waitcomplete(&done, 0) == 4 && done == &control) return 1;\n"
    "    if (errno != ENOSYS || aio_return(&control) != 4) return -2;\n"
    "    struct iovec vector = {bytes, 4};\n"
    "    unsigned one = 1;\n"
    "    control.aio_iov = &vector; control.aio_iovcnt = 1;\n"
    "    if (aio_readv(&control) != -1 || errno != ENOSYS || aio_writev(&control) != -1 || errno != ENOSYS) return -3;\n"
    "    if (aio_waitn(&done, 1, &one, 0) != -1 || errno != ENOSYS) return -4;\n"
    "    return 0;\n"
    "}\n";

static void build(const char *name, const char *options) {
    char source[PATH_MAX], object[PATH_MAX], command[8 * PATH_MAX], include[PATH_MAX];
    path_of(source, "plugin.c");
    path_of(object, name);
    FILE *text = fopen(source, "we");
    CHECK(text && fputs(plugin, text) >= 0 && fclose(text) == 0);
    source_path(include, "include");
    snprintf(command, sizeof command, "LD_PRELOAD= cc -shared -fPIC -I'%s' -o '%s' '%s' %s", include, object, source, options);
    OK(system(command));
}

static int load(const char *name, int mode, int expected) {
    char path[PATH_MAX], bytes[4];
    path_of(path, name);
    int file = scratch_file(0);
    EQUAL(write(file, "abcd", 4), 4);
    void *handle = dlopen(path, RTLD_NOW | mode);
    if (!handle) failed(__FILE__, __LINE__, "%s", dlerror());
    int (*use)(int, char *) = (int (*)(int, char *))dlsym(handle, "use");
    EQUAL(use(file, bytes), expected);
    EQUAL(memcmp(bytes, "abcd", 4), 0);
    return 0;
}

int main(int argc, char **argv) {
    if (argc > 1) {
        if (strcmp(argv[1], "plain") == 0) return load("plugin.so", 0, 0);
        if (strcmp(argv[1], "deep") == 0) return load("plugin.so", RTLD_DEEPBIND, 1);
        if (strcmp(argv[1], "archive") == 0) return load("contains.so", 0, 1);
        return load("plugin.so", 0, 1);
    }
    char options[3 * PATH_MAX], directory[PATH_MAX], preload[PATH_MAX + 16];
    const char *library = getenv("CHECK_LIBRARY");
    snprintf(directory, sizeof directory, "%s", library);
    *strrchr(directory, '/') = 0;
    snprintf(options, sizeof options, "'%s' -Wl,-rpath,'%s'", library, directory);
    build("plugin.so", options);
    struct child child;
    run_again(&child, "plain", (const char *[]){"LD_PRELOAD=", NULL}, NULL);
    SUCCEEDED(&child);
    EQUAL(count_lines(child.errors, "kaio: aio_waitcomplete fails, as the program's aio_read is the C library's", NULL), 1);
    EQUAL(count_lines(child.errors, "kaio: ", NULL), 1);
    run_again(&child, "deep", (const char *[]){"LD_PRELOAD=", NULL}, NULL);
    SUCCEEDED(&child);
    EQUAL(strlen(child.errors), 0);
    snprintf(options, sizeof options, "'%s/libkaio.a' -Wl,-z,nodelete", directory);
    build("contains.so", options);
    run_again(&child, "archive", (const char *[]){"LD_PRELOAD=", NULL}, NULL);
    SUCCEEDED(&child);
    EQUAL(strlen(child.errors), 0);
    snprintf(preload, sizeof preload, "LD_PRELOAD=%s", library);
    run_again(&child, "preloaded", (const char *[]){preload, NULL}, NULL);
    SUCCEEDED(&child);
    EQUAL(strlen(child.errors), 0);
    return 0;
}
