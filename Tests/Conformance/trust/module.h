// A harmless module, which says that it is there by its name in the stack.
#ifndef KAIO_TESTS_MODULE_H
#define KAIO_TESTS_MODULE_H

#include "trust.h"

static const char module[] =
    "#include <kaio_vfs.h>\n"
    "static const struct kaio_vfs_fns fns;\n"
    "__attribute__((constructor)) static void init(void) {\n"
    "    kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, \"harmless\", &fns);\n"
    "}\n";

static char library[PATH_MAX];

// Compiles it, into the test's own directory.
static UNUSED void make_library(void) {
    char path[PATH_MAX], command[4 * PATH_MAX], include[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", include, sizeof include - 1);
    include[length] = 0;
    *strstr(include, "/.build/tests/") = 0;
    FILE *source = fopen(path_of(path, "harmless.c"), "we");
    fputs(module, source);
    fclose(source);
    snprintf(command, sizeof command, "LD_PRELOAD= cc -shared -fPIC -I'%s/include' -o '%s' '%s'", include,
             path_of(library, "harmless.so"), path);
    EQUAL(system(command), 0);
}

static UNUSED void make_module(const char *path, uid_t owner, mode_t mode) {
    static char image[1 << 20];
    int from = open(library, O_RDONLY | O_CLOEXEC), to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t size = read(from, image, sizeof image);
    CHECK(size > 0 && write(to, image, (size_t)size) == size);
    close(from);
    OK(fchmod(to, mode));
    OK(fchown(to, owner, owner));
    close(to);
}

#endif
