// holds: With root's rights no module of another's is loaded either where its file comes and goes, where there are no descriptors left to look, where root has another user for a while, or in a root directory of another's; and one that is a FIFO is not waited for.
// source: kaio
// limit: 60
#include "module.h"
#include <sys/resource.h>

static const char *run(const char *role, const char *path) {
    static struct child child;
    static char variable[2 * PATH_MAX];
    snprintf(variable, sizeof variable, "KAIO_VFS_OBJECTS=%s ordered aio_linux", path);
    run_again(&child, role, (const char *[]){variable, "KAIO_VERBOSE=1", NULL}, NULL);
    printf("%s: %s", role, child.errors);
    SUCCEEDED(&child);
    return child.errors;
}

int main(int count, char **arguments) {
    if (count > 1) {
        const char *few = getenv("DESCRIPTORS");
        rlim_t most = few ? (rlim_t)atoi(few) : 1024;
        OK(setrlimit(RLIMIT_NOFILE, &(struct rlimit){.rlim_cur = most, .rlim_max = most}));
        if (strcmp(arguments[1], "lent") == 0) OK(seteuid(stranger));
        if (strcmp(arguments[1], "jail") == 0) OK(chroot(getenv("JAIL")));
        static unsigned char byte;
        struct aiocb control = request(STDIN_FILENO, &byte, 0, 0);
        if (aio_read(&control) == 0) FINISH(&control);
        return 0;
    }
    need_root();
    make_library();
    char place[] = "/tmp/kaio-trust.XXXXXX", shared[PATH_MAX], path[2 * PATH_MAX], command[2 * PATH_MAX];
    CHECK(mkdtemp(place));
    OK(chmod(place, 0755));
    snprintf(shared, sizeof shared, "%s/shared", place);
    OK(mkdir(shared, 0755));
    OK(chown(shared, stranger, stranger));

    // It may be there by the time when it is loaded.
    snprintf(path, sizeof path, "%s/absent.so", shared);
    const char *said = run("absent", path);
    EQUAL(count_lines(said, "is not loaded with root's or another user's rights", "others can write to its directory"), 1);

    snprintf(path, sizeof path, "%s/module.so", shared);
    make_module(path, stranger, 0644);
    for (int descriptors = 3; descriptors < 20; descriptors++) {
        char number[8];
        snprintf(number, sizeof number, "%d", descriptors);
        setenv("DESCRIPTORS", number, 1);
        EQUAL(count_lines(run("few", path), ": stack harmless", NULL), 0);
    }
    unsetenv("DESCRIPTORS");

    // Who is root again a moment later.
    said = run("lent", path);
    EQUAL(count_lines(said, "is not loaded with root's or another user's rights", "it belongs to another user"), 1);
    snprintf(path, sizeof path, "%s/roots.so", place);
    make_module(path, 0, 0644);
    EQUAL(count_lines(run("lent", path), ": stack harmless ordered", NULL), 1);

    // A root directory that is not root's.
    setenv("JAIL", shared, 1);
    said = run("jail", "/module.so");
    EQUAL(count_lines(said, "is not loaded with root's or another user's rights", "it belongs to another user"), 1);

    snprintf(path, sizeof path, "%s/fifo.so", place);
    OK(mkfifo(path, 0600));
    said = run("fifo", path);
    EQUAL(count_lines(said, "fifo.so", "it is not a regular file; using"), 1);

    snprintf(command, sizeof command, "rm -r '%s'", place);
    EQUAL(system(command), 0);
}
