// holds: A shared object named by its path, or found in KAIO_MODULE_DIR, is loaded and registers itself in either way.
// source: kaio
// limit: 60
#include "vfs.h"

static const char by_constructor[] =
    "#include <kaio_vfs.h>\n"
    "#include <errno.h>\n"
    "static void on_write(kaio_vfs_handle *handle, kaio_request *request) {\n"
    "    kaio_vfs_complete(handle, request, -kaio_vfs_parm_int(handle, \"error\", EXDEV));\n"
    "}\n"
    "static const struct kaio_vfs_fns fns = {.aio_write_fn = on_write};\n"
    "#ifdef INIT\n"
    "int kaio_module_init(void);\n"
    "int kaio_module_init(void)\n"
    "#else\n"
    "__attribute__((constructor)) static int init(void)\n"
    "#endif\n"
    "{ return kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, \"refuser\", &fns); }\n";

static void work(int error) {
    int file = scratch_file(0);
    for (int i = 0; i < 2; i++) {
        struct aiocb control = request(file, "abcd", 4, 0);
        OK(aio_write(&control));
        if (error) FINISHES_WITH(&control, error);
        else EQUAL(FINISH(&control), 4);
    }
}

static void run(const char *objects, const char *directory, int error, const char *message) {
    static struct child child;
    char first[2 * PATH_MAX], second[2 * PATH_MAX];
    snprintf(first, sizeof first, "KAIO_VFS_OBJECTS=%s", objects);
    snprintf(second, sizeof second, "KAIO_MODULE_DIR=%s", directory);
    const char *const environment[] = {first, second, "KAIO_VERBOSE=1", NULL};
    char role[16];
    snprintf(role, sizeof role, "%d", error);
    run_again(&child, role, environment, NULL);
    printf("%s, %s: %s", objects, directory, child.errors);
    SUCCEEDED(&child);
    HAS(child.errors, message);
    EQUAL(count_lines(child.errors, "kaio: KAIO_VFS_OBJECTS: ", NULL), error == 0);
    if (error == 0) HAS(child.errors, "; using \"ordered aio_linux aio_poll aio_pthread\"\n");
}

int main(int count, char **arguments) {
    if (count > 1) {
        work(atoi(arguments[1]));
        return 0;
    }
    char here[PATH_MAX], objects[4 * PATH_MAX], text[sizeof by_constructor + 32], message[4 * PATH_MAX];
    CHECK(realpath(path_of(objects, "."), here));
    compile_module("refuser", by_constructor);
    snprintf(text, sizeof text, "#define INIT\n%s", by_constructor);
    compile_module("by_init", text);
    run("refuser ordered aio_linux", here, EXDEV, "stack refuser ordered aio_linux aio_pthread");
    snprintf(objects, sizeof objects, "%s/refuser.so %s/refuser.so ordered aio_linux", here, here);
    run(objects, "", EXDEV, "stack refuser refuser ordered aio_linux aio_pthread");
    snprintf(objects, sizeof objects, "ordered %s/by_init.so", here);
    run(objects, "", EXDEV, "stack ordered refuser aio_pthread");
    snprintf(objects, sizeof objects, "%s/by_init.so refuser", here);
    run(objects, "", EXDEV, "stack refuser refuser aio_pthread");

    // What does not work is named, with where it was looked for; the program runs with the standard stack.
    snprintf(message, sizeof message, "no module of that name, but refuser (%s/by_init.so); using ", here);
    run("by_init", here, 0, message);
    snprintf(message, sizeof message, "no module is named missing; known are ordered, aio_linux");
    run("missing ordered", here, 0, message);
    snprintf(message, sizeof message, "; looked for %s/missing.so and /", here);
    run("missing ordered", here, 0, message);
    run("missing ordered", here, 0, "/kaio/missing.so; using ");
    run("missing", "", 0, "; looked for /");
    run("/nowhere/at_all.so", here, 0, "module /nowhere/at_all.so does not load: /nowhere/at_all.so: cannot open");
    compile_module("silent", "int silent;\n");
    snprintf(message, sizeof message, "module silent: the object registers no module (%s/silent.so); using ", here);
    run("silent", here, 0, message);
    compile_module("lame", "#include <kaio_vfs.h>\nextern int nobody_has_this(void);\n"
                           "__attribute__((constructor)) static void init(void) { nobody_has_this(); }\n");
    run("lame", here, 0, "module lame does not load: ");
    run("lame", here, 0, "undefined symbol: nobody_has_this");
    compile_module("failing", "int kaio_module_init(void);\nint kaio_module_init(void) { return 3; }\n");
    snprintf(message, sizeof message, "failing does not load: its kaio_module_init returns 3 (%s/failing.so); ", here);
    run("failing", here, 0, message);
    compile_module("old", "#include <kaio_vfs.h>\nstatic struct kaio_vfs_fns fns;\n"
                          "__attribute__((constructor)) static void init(void) {\n"
                          "    kaio_vfs_register(0, \"old\", &fns);\n"
                          "}\n");
    run("old", here, 0, "module \"old\" is refused: it is for version 0 of the interface; this library has version 2");
    snprintf(objects, sizeof objects, "%s/garbage", here);
    FILE *file = fopen(objects, "we");
    fputs("garbage", file);
    fclose(file);
    run(objects, "", 0, "file too short");
}
