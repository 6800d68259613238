// holds: A C module of a connection, loaded by its path or from KAIO_MODULE_DIR, sees each call in order and can change what it gives; one that is missing is ENOENT, with where it was looked for.
// source: kaio
// modes: linked
#include "../connection.h"
#include "../vfs/vfs.h"
#include <dlfcn.h>

// Notes each call, opens another file than it is asked for, gives other data and other counts.
static const char source[] =
    "#include <kaio_vfs.h>\n"
    "#include <errno.h>\n"
    "#include <string.h>\n"
    "extern char calls[];\n"
    "char calls[4096];\n"
    "#define NOTE(name) strcat(strcat(calls, name), \" \")\n"
    "static int on_connect(kaio_vfs_handle *handle, const char *service) {\n"
    "    NOTE(\"connect\"); return KAIO_VFS_NEXT_CONNECT(handle, service); }\n"
    "static void on_disconnect(kaio_vfs_handle *handle) { NOTE(\"disconnect\"); KAIO_VFS_NEXT_DISCONNECT(handle); }\n"
    "static int on_open(kaio_vfs_handle *handle, const char *path, int flags, mode_t mode) {\n"
    "    NOTE(\"open\");\n"
    "    if (strcmp(path, \"secret\") == 0) { errno = EACCES; return -1; }\n"
    "    return KAIO_VFS_NEXT_OPEN(handle, strcmp(path, \"alias\") == 0 ? \"data\" : path, flags, mode); }\n"
    "static int on_close(kaio_vfs_handle *handle, int fd) { NOTE(\"close\"); return KAIO_VFS_NEXT_CLOSE(handle, fd); }\n"
    "static void on_read(kaio_vfs_handle *handle, kaio_request *request) {\n"
    "    NOTE(\"read\"); KAIO_VFS_NEXT_AIO_READ(handle, request); }\n"
    "static void on_write(kaio_vfs_handle *handle, kaio_request *request) {\n"
    "    NOTE(\"write\");\n"
    "    if (kaio_request_offset(request) >= 4096) kaio_vfs_complete(handle, request, -ENOSPC);\n"
    "    else KAIO_VFS_NEXT_AIO_WRITE(handle, request); }\n"
    "static void on_fsync(kaio_vfs_handle *handle, kaio_request *request) {\n"
    "    NOTE(\"fsync\"); KAIO_VFS_NEXT_AIO_FSYNC(handle, request); }\n"
    "static ssize_t on_done(kaio_vfs_handle *handle, kaio_request *request, ssize_t result) {\n"
    "    (void)handle; NOTE(\"done\");\n"
    "    if (kaio_request_operation(request) != KAIO_OPERATION_READ || result < 4) return result;\n"
    "    memcpy(kaio_request_buffer(request), \"mine\", 4);\n"
    "    return 4; }\n"
    "static int on_error(kaio_vfs_handle *handle, const struct aiocb *control) {\n"
    "    int error = KAIO_VFS_NEXT_AIO_ERROR(handle, control);\n"
    "    NOTE(\"error\"); return error == ENOSPC ? EDQUOT : error; }\n"
    "static ssize_t on_return(kaio_vfs_handle *handle, struct aiocb *control) {\n"
    "    NOTE(\"return\"); return KAIO_VFS_NEXT_AIO_RETURN(handle, control); }\n"
    "static int on_cancel(kaio_vfs_handle *handle, int fd, struct aiocb *control) {\n"
    "    NOTE(\"cancel\"); return KAIO_VFS_NEXT_AIO_CANCEL(handle, fd, control); }\n"
    "static int on_suspend(kaio_vfs_handle *handle, const struct aiocb *const list[], int count,\n"
    "                      const struct timespec *timeout) {\n"
    "    NOTE(\"suspend\"); return KAIO_VFS_NEXT_AIO_SUSPEND(handle, list, count, timeout); }\n"
    "int kaio_module_init(void);\n"
    "int kaio_module_init(void) {\n"
    "    static const struct kaio_vfs_fns fns = {\n"
    "        .connect_fn = on_connect, .disconnect_fn = on_disconnect, .open_fn = on_open, .close_fn = on_close,\n"
    "        .aio_read_fn = on_read, .aio_write_fn = on_write, .aio_fsync_fn = on_fsync, .aio_done_fn = on_done,\n"
    "        .aio_error_fn = on_error, .aio_return_fn = on_return, .aio_cancel_fn = on_cancel, .aio_suspend_fn = on_suspend};\n"
    "    return kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, \"noter\", &fns); }\n";

static char *calls;

// A completion comes when it comes: it is looked for, and left out.
static void saw(const char *expected, int completions) {
    for (char *done; (done = strstr(calls, "done ")) != NULL; completions--) memmove(done, done + 5, strlen(done + 5) + 1);
    EQUAL(completions, 0);
    if (strcmp(calls, expected) != 0) failed(__FILE__, __LINE__, "\"%s\", not \"%s\"", calls, expected);
    calls[0] = 0;
}

static void work(const char *objects, const char *object) {
    kaio_connection *connection = connected(objects, NULL);
    void *module = dlopen(object, RTLD_NOW | RTLD_NOLOAD);
    CHECK(module);
    calls = dlsym(module, "calls");
    CHECK(calls);
    saw("connect ", 0);
    FAILS(kaio_open(connection, "secret", O_RDONLY, 0) ? 0 : -1, EACCES);
    FAILS(kaio_open(connection, "nowhere/data", O_RDONLY, 0) ? 0 : -1, ENOENT);
    kaio_file *file = kaio_open(connection, "alias", O_RDWR, 0);
    CHECK(file);
    saw("open open open ", 0);

    char buffer[512];
    struct aiocb control = request(-1, buffer, sizeof buffer, 0);
    OK(kaio_aio_read(file, &control));
    EQUAL(all_of(connection, &control, 10), 0);
    EQUAL(kaio_aio_error(file, &control), 0);
    EQUAL(kaio_aio_return(file, &control), 4);
    CHECK(memcmp(buffer, "mine", 4) == 0);
    VERIFY(buffer + 4, sizeof buffer - 4, 1, 4);
    saw("read suspend error return ", 1);

    control = request(-1, buffer, sizeof buffer, 4096);
    OK(kaio_aio_write(file, &control));
    EQUAL(kaio_aio_error(file, &control), EDQUOT);
    EQUAL(kaio_aio_return(file, &control), -1);
    saw("write error return ", 0);

    control = request(-1, buffer, sizeof buffer, 0);
    OK(kaio_aio_fsync(file, O_DSYNC, &control));
    EQUAL(finished(connection, file, &control), 0);
    saw("fsync suspend error return ", 1);

    kaio_file *pipe;
    int end = opened_pipe(connection, &pipe);
    control = request(-1, buffer, 1, 0);
    OK(kaio_aio_read(pipe, &control));
    EQUAL(all_of(connection, &control, 0), -1);
    EQUAL(kaio_aio_cancel(pipe, &control), AIO_CANCELED);
    EQUAL(kaio_aio_error(pipe, &control), ECANCELED);
    saw("open read suspend cancel error ", 1);
    OK(kaio_close(pipe));
    close(end);
    saw("close ", 0);
    // The other file is left to this.
    OK(kaio_disconnect(connection));
    saw("close disconnect ", 0);
    dlclose(module);
}

static void run(const char *objects, const char *directory, const char *part) {
    struct child child;
    char variable[2 * PATH_MAX];
    snprintf(variable, sizeof variable, "KAIO_MODULE_DIR=%s", directory);
    const char *const environment[] = {variable, NULL};
    run_again(&child, objects, environment, NULL);
    SUCCEEDED(&child);
    if (part) HAS(child.errors, part);
}

int main(int count, char **arguments) {
    char here[PATH_MAX], object[2 * PATH_MAX], text[5 * PATH_MAX];
    CHECK(realpath(path_of(text, "."), here));
    snprintf(object, sizeof object, "%s/noter.so", here);
    if (count > 1 && strstr(arguments[1], "missing")) {
        FAILS(kaio_connect("test", arguments[1], NULL) ? 0 : -1, ENOENT);
        // A program that is told goes on.
        OK(kaio_disconnect(connected(NULL, NULL)));
        return 0;
    }
    if (count > 1) {
        for (int round = 0; round < 3; round++) work(arguments[1], object);
        return 0;
    }
    int plain = open("data", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(plain >= 0);
    write_pattern(plain, 4096, 1, 0);
    close(plain);
    compile_module("noter", source);
    snprintf(text, sizeof text, "%s ordered aio_linux aio_poll", object);
    run(text, "", NULL);
    run("noter ordered aio_linux aio_poll", here, NULL);
    snprintf(text, sizeof text, "kaio: kaio_connect: service test: no module is named missing; known are ordered");
    run("missing ordered", here, text);
    snprintf(text, sizeof text, "looked for %s/missing.so and /", here);
    run("missing ordered", here, text);
    snprintf(text, sizeof text, "module %s/missing.so does not load: ", here);
    snprintf(object, sizeof object, "%s/missing.so", here);
    run(object, "", text);
}
