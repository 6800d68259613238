// holds: With root's or another user's rights no configuration is used that others could have written or put there, nor one that it includes; and nobody uses what another user has left in a directory for all.
// source: kaio
// limit: 60
#include "trust.h"

static const char text[] = "[global]\nvfs objects = stats ordered aio_linux\n";

static const char *run(const char *path, const char *role, void (*prepare)(void)) {
    static struct child child;
    char variable[2 * PATH_MAX];
    snprintf(variable, sizeof variable, "KAIO_CONFIG=%s", path);
    run_again(&child, role, (const char *[]){variable, "KAIO_VERBOSE=1", NULL}, prepare);
    printf("%s", child.errors);
    SUCCEEDED(&child);
    return child.errors;
}

static void refuses(const char *path, const char *named, const char *why, const char *role, void (*prepare)(void)) {
    const char *said = run(path, role, prepare);
    EQUAL(count_lines(said, named, why), 1);
    EQUAL(count_lines(said, "KAIO_CONFIG=", "not used, for the error above"), 1);
    EQUAL(count_lines(said, ": stack ordered aio_linux aio_poll aio_pthread", NULL), 1);
}

static void uses(const char *path, void (*prepare)(void)) {
    EQUAL(count_lines(run(path, "work", prepare), ": stack stats ordered aio_linux", NULL), 1);
}

static void be_a_third(void) {
    OK(setgid(stranger - 1));
    OK(setuid(stranger - 1));
}

int main(int count, char **arguments) {
    if (count > 1) {
        if (strcmp(arguments[1], "lent") == 0) OK(seteuid(stranger));
        write_to_a_pipe();
        return 0;
    }
    need_root();
    char place[] = "/tmp/kaio-trust.XXXXXX", shared[PATH_MAX], path[2 * PATH_MAX], other[2 * PATH_MAX], command[2 * PATH_MAX];
    CHECK(mkdtemp(place));
    OK(chmod(place, 0755));
    snprintf(path, sizeof path, "%s/own.conf", place);
    make_file(path, text, 0, 0644);
    uses(path, NULL);
    uses(path, be_the_stranger);
    OK(chdir(place));
    uses("own.conf", NULL);

    snprintf(path, sizeof path, "%s/strangers.conf", place);
    make_file(path, text, stranger, 0644);
    refuses(path, path, "it belongs to another user", "work", NULL);
    uses(path, be_the_stranger);
    // Another one's, where nobody else could have put it, is one's own choice.
    uses(path, be_a_third);
    // Who is root again a moment later.
    refuses(path, path, "it belongs to another user", "lent", NULL);
    snprintf(other, sizeof other, "%s/including.conf", place);
    make_file(other, "include = strangers.conf\n", 0, 0644);
    refuses(other, "including.conf:1: include = ", "it belongs to another user", "work", NULL);
    snprintf(path, sizeof path, "%s/open.conf", place);
    make_file(path, text, 0, 0666);
    refuses(path, path, "others can write to it", "work", NULL);

    // Named by a link, in a directory of root's alone and in one for all.
    snprintf(path, sizeof path, "%s/own.conf", place);
    snprintf(other, sizeof other, "%s/link.conf", place);
    OK(symlink("own.conf", other));
    uses(other, NULL);
    snprintf(shared, sizeof shared, "%s/shared", place);
    OK(mkdir(shared, 0755));
    OK(chmod(shared, 0777));
    snprintf(other, sizeof other, "%s/link.conf", shared);
    OK(symlink(path, other));
    refuses(other, other, "it is reached by a link", "work", NULL);
    uses(other, be_the_stranger);
    snprintf(path, sizeof path, "%s/roots.conf", shared);
    make_file(path, text, 0, 0644);
    refuses(path, path, "others can write to its directory", "work", NULL);

    // As /tmp is: what `kaio run` had there may be gone, and another's be there under that name.
    OK(chmod(shared, 01777));
    uses(path, NULL);
    uses(path, be_the_stranger);
    snprintf(other, sizeof other, "%s/directory", shared);
    OK(mkdir(other, 0755));
    OK(chown(other, stranger, stranger));
    snprintf(other, sizeof other, "%s/directory/kaio.conf", shared);
    make_file(other, text, stranger, 0644);
    refuses(other, other, "it belongs to another user", "work", NULL);
    refuses(other, other, "it belongs to another user", "work", be_a_third);
    uses(other, be_the_stranger);

    OK(chdir("/"));
    snprintf(command, sizeof command, "rm -r '%s'", place);
    EQUAL(system(command), 0);
}
