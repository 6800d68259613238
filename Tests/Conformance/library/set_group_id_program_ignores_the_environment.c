// holds: A program that runs with another group's or user's rights ignores every KAIO_ variable: it loads no module that one names, nor one by its path, reads and writes no file that one names, and works with the standard stack.
// source: kaio
// modes: linked
// limit: 60
#include "../vfs/vfs.h"
#include <grp.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>

static const char program[] =
    "#include <kaio.h>\n"
    "#include <errno.h>\n"
    "#include <fcntl.h>\n"
    "#include <stdio.h>\n"
    "#include <sys/auxv.h>\n"
    "#include <unistd.h>\n"
    "int main(int count, char **arguments) {\n"
    "    char byte;\n"
    "    struct aiocb control = {.aio_fildes = open(\"/proc/self/exe\", O_RDONLY), .aio_buf = &byte, .aio_nbytes = 1};\n"
    "    const struct aiocb *list[] = {&control};\n"
    "    if (count < 3 || aio_read(&control) != 0) return 1;\n"
    "    while (aio_error(&control) == EINPROGRESS) aio_suspend(list, 1, NULL);\n"
    "    printf(\"secure %d, read %zd\", getauxval(AT_SECURE) != 0, aio_return(&control));\n"
    "    for (int i = 1; i < count; i++) {\n"
    "        errno = 0;\n"
    "        kaio_connection *connection = kaio_connect(NULL, arguments[i], NULL);\n"
    "        printf(\", connect %s\", connection ? \"yes\" : strerrorname_np(errno));\n"
    "        if (connection) kaio_disconnect(connection);\n"
    "    }\n"
    "    printf(\", testparm %s\\n\", kaio_testparm(NULL) == 0 ? \"yes\" : strerrorname_np(errno));\n"
    "    return 0;\n"
    "}\n";

static const char module[] =
    "#include <kaio_vfs.h>\n"
    "#include <unistd.h>\n"
    "static const struct kaio_vfs_fns fns;\n"
    "__attribute__((constructor)) static void init(void) {\n"
    "    if (write(2, \"module loaded\\n\", 14) == 14) kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, \"spy\", &fns);\n"
    "}\n";

// A group that the program does not run as; -1: none can be had.
static gid_t another_group(void) {
    gid_t groups[64];
    if (geteuid() == 0) return getegid() == 65534 ? 65533 : 65534;
    int count = getgroups(64, groups);
    for (int i = 0; i < count; i++) if (groups[i] != getegid()) return groups[i];
    return (gid_t)-1;
}

static char here[PATH_MAX], stats[2 * PATH_MAX];

static void run(struct child *child, const char *file) {
    unlink(stats);
    int output = scratch_file(0), errors = scratch_file(0);
    pid_t process = fork();
    CHECK(process >= 0);
    if (process == 0) {
        char path[2 * PATH_MAX];
        dup2(output, STDOUT_FILENO);
        dup2(errors, STDERR_FILENO);
        setenv("KAIO_MODULE_DIR", here, 1);
        setenv("KAIO_VFS_OBJECTS", "spy ordered aio_linux", 1);
        setenv("KAIO_VERBOSE", "1", 1);
        setenv("KAIO_STATS_FILE", stats, 1);
        snprintf(path, sizeof path, "%s/kaio.conf", here);
        setenv("KAIO_CONFIG", path, 1);
        snprintf(path, sizeof path, "%s/spy.so", here);
        execl(file, file, "spy", path, (char *)NULL);
        _exit(127);
    }
    while (waitpid(process, &child->status, 0) != process) {}
    read_whole(output, child->output, sizeof child->output);
    read_whole(errors, child->errors, sizeof child->errors);
    printf("%s%s", child->output, child->errors);
    SUCCEEDED(child);
}

int main(void) {
    static struct child child;
    char path[2 * PATH_MAX], text[8 * PATH_MAX], include[PATH_MAX];
    struct statvfs system_of;
    CHECK(realpath(path_of(path, "."), here));
    snprintf(stats, sizeof stats, "%s/stats", here);
    compile_module("spy", module);
    FILE *file = fopen(path_of(path, "kaio.conf"), "we");
    fputs("[global]\nvfs objects = spy ordered aio_linux\n", file);
    fclose(file);
    file = fopen(path_of(path, "program.c"), "we");
    fputs("#define _GNU_SOURCE\n#include <string.h>\n", file);
    fputs(program, file);
    fclose(file);
    source_path(include, "include");
    const char *library = getenv("CHECK_LIBRARY");
    CHECK(library);
    int directory = (int)(strrchr(library, '/') - library);
    snprintf(text, sizeof text, "cc -I'%s' -o '%s/program' '%s' -L'%.*s' -Wl,-rpath,'%.*s' -lkaio", include, here, path,
             directory, library, directory, library);
    EQUAL(system(text), 0);
    snprintf(path, sizeof path, "%s/program", here);

    // So that what follows says something: with the rights of who starts it, it minds them.
    run(&child, path);
    HAS(child.output, "secure 0, read 1, connect yes, connect yes, testparm yes");
    HAS(child.errors, "module loaded");
    OK(access(stats, F_OK));

    gid_t group = another_group();
    if (group == (gid_t)-1 || statvfs(here, &system_of) != 0 || (system_of.f_flag & ST_NOSUID) ||
        prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) {
        printf("no program can be given another group's rights here\n");
        return 0;
    }
    OK(chown(path, (uid_t)-1, group));
    OK(chmod(path, 02755));
    run(&child, path);
    HAS(child.output, "secure 1, read 1, connect ENOENT, connect EPERM, testparm EINVAL");
    CHECK(!strstr(child.errors, "module loaded"));
    EQUAL(count_lines(child.errors, "kaio", here), 1);
    HAS(child.errors, "spy.so is not loaded by its path in a process that runs with another user's rights");
    EQUAL(count_lines(child.errors, ": stack ", NULL), 0);
    FAILS(access(stats, F_OK), ENOENT);
}
