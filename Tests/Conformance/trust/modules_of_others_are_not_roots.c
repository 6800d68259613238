// holds: With root's or another user's rights a module is loaded only if nobody else can change it or put another in its place; for all others that is a warning.
// source: kaio
// limit: 60
#include "module.h"

static const char *run(const char *path, void (*prepare)(void)) {
    static struct child child;
    char variable[2 * PATH_MAX];
    snprintf(variable, sizeof variable, "KAIO_VFS_OBJECTS=%s ordered aio_linux", path);
    run_again(&child, "work", (const char *[]){variable, "KAIO_VERBOSE=1", NULL}, prepare);
    printf("%s", child.errors);
    SUCCEEDED(&child);
    return child.errors;
}

static void refuses(const char *path, const char *why) {
    const char *said = run(path, NULL);
    EQUAL(count_lines(said, "is not loaded with root's or another user's rights", why), 1);
    EQUAL(count_lines(said, path, "; using \"ordered aio_linux aio_poll aio_pthread\""), 1);
    EQUAL(count_lines(said, ": stack ordered aio_linux aio_poll aio_pthread", NULL), 1);
    // The stranger may have it, and is told.
    said = run(path, be_the_stranger);
    EQUAL(count_lines(said, ": stack harmless ordered", NULL), 1);
    EQUAL(count_lines(said, "warning: module", why) + count_lines(said, "warning: module", NULL), strstr(said, "warning: module") ? 2 : 0);
}

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1) {
        write_to_a_pipe();
        return 0;
    }
    need_root();
    char place[] = "/tmp/kaio-trust.XXXXXX", path[PATH_MAX], shared[PATH_MAX], command[4 * PATH_MAX];
    make_library();

    CHECK(mkdtemp(place));
    OK(chmod(place, 0755));
    snprintf(path, sizeof path, "%s/good.so", place);
    make_module(path, 0, 0644);
    EQUAL(count_lines(run(path, NULL), ": stack harmless ordered", NULL), 1);
    EQUAL(count_lines(run(path, be_the_stranger), "warning", NULL), 0);
    snprintf(path, sizeof path, "%s/strangers.so", place);
    make_module(path, stranger, 0644);
    refuses(path, "it belongs to another user");
    snprintf(path, sizeof path, "%s/open.so", place);
    make_module(path, 0, 0666);
    refuses(path, "others can write to it");
    snprintf(shared, sizeof shared, "%s/shared", place);
    OK(mkdir(shared, 0755));
    OK(chmod(shared, 0777));
    snprintf(path, sizeof path, "%s/shared/module.so", place);
    make_module(path, 0, 0644);
    refuses(path, "others can write to its directory, or to one above that");
    OK(chmod(shared, 01777));
    EQUAL(count_lines(run(path, NULL), ": stack harmless ordered", NULL), 1);
    snprintf(path, sizeof path, "%s/shared/link.so", place);
    snprintf(shared, sizeof shared, "%s/good.so", place);
    OK(symlink(shared, path));
    OK(lchown(path, stranger, stranger));
    EQUAL(count_lines(run(path, NULL), "is not loaded", "reached by a link"), 1);
    OK(chdir(place));
    EQUAL(count_lines(run("./good.so", NULL), "is not loaded", "its path is relative"), 1);
    snprintf(command, sizeof command, "rm -r '%s'", place);
    OK(chdir("/"));
    EQUAL(system(command), 0);
}
