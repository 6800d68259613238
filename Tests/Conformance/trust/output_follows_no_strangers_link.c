// holds: Statistics, reports and logs go to no link, no other user's file and no file with a second name in a directory that others can write to; it is said which file and why. A link in a directory of one's own is followed.
// source: kaio
// limit: 180
#include "trust.h"
#include <sys/socket.h>
#include <sys/un.h>

static void refuses(enum writer writer, const char *path, const char *why) {
    const char *said = run_with_file(writer, path, NULL);
    EQUAL(count_lines(said, path, why), 1);
    EQUAL(count_lines(said, path, "name one in a directory of your own"), 1);
    EQUAL(count_lines(said, "kaio", NULL), 1);
}

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1) {
        check_service();
        return 0;
    }
    need_root();
    char victim[PATH_MAX], own[PATH_MAX], shared[PATH_MAX], path[2 * PATH_MAX], whole[PATH_MAX];
    CHECK(realpath(path_of(path, "."), whole));
    setenv("CHECK_DIRECTORY", whole, 1);
    make_file(path_of(victim, "victim"), "precious\n", 0, 0600);
    for (int sticky = 0; sticky < 2; sticky++) {
        shared_directory(shared, sticky ? "sticky" : "open", sticky);
        for (enum writer writer = statistics; writer <= audit; writer++) {
            snprintf(path, sizeof path, "%s/link%d", shared, writer);
            OK(symlink(victim, path));
            OK(lchown(path, stranger, stranger));
            refuses(writer, path, "it is reached by a link in a directory that others can write to");
            snprintf(path, sizeof path, "%s/file%d", shared, writer);
            make_file(path, "another's\n", stranger, 0666);
            refuses(writer, path, "it belongs to another user");
            file_is(path, "another's\n");
            snprintf(path, sizeof path, "%s/second%d", shared, writer);
            OK(link(victim, path));
            refuses(writer, path, "it has a second name");
            unlink(path);
            // A link on the way, to a directory of root's.
            snprintf(path, sizeof path, "%s/way%d", shared, writer);
            OK(symlink(whole, path));
            OK(lchown(path, stranger, stranger));
            snprintf(path, sizeof path, "%s/way%d/new", shared, writer);
            refuses(writer, path, "it is reached by a link");
            FAILS(access(path_of(own, "new"), F_OK), ENOENT);
            // What is one's own is written, there too.
            snprintf(path, sizeof path, "%s/own%d", shared, writer);
            EQUAL(count_lines(run_with_file(writer, path, NULL), "kaio", NULL), 0);
            struct stat status;
            OK(stat(path, &status));
            CHECK(status.st_size > 0);
        }
    }
    // A second name that comes and goes, and so may be gone when the names are counted.
    char open_to_all[PATH_MAX], seen[64];
    make_file(path_of(own, "open victim"), "precious\n", 0, 0600);
    OK(chmod(own, 0666));
    snprintf(path, sizeof path, "%s/open/comes and goes", whole);
    OK(chmod(whole, 0755));
    int places[2] = {open(whole, O_PATH | O_CLOEXEC), open(path_of(open_to_all, "open"), O_PATH | O_CLOEXEC)};
    pid_t changer = fork();
    if (changer == 0) {
        be_the_stranger();
        for (;;) {
            linkat(places[0], "open victim", places[1], "comes and goes", 0);
            unlinkat(places[1], "comes and goes", 0);
        }
    }
    for (int i = 0; i < 300; i++) run_with_file(i % 2 ? statistics : stats_module, path, NULL);
    kill(changer, SIGKILL);
    waitpid(changer, NULL, 0);
    int victims = open(own, O_RDONLY | O_CLOEXEC);
    EQUAL(read(victims, seen, sizeof seen), 9);
    close(victims);

    // Who can put another directory in the place of root's own, with a link in it.
    char inner[2 * PATH_MAX];
    snprintf(inner, sizeof inner, "%s/open/inner", whole);
    OK(mkdir(inner, 0700));
    snprintf(path, sizeof path, "%s/open/inner/link", whole);
    OK(symlink(victim, path));
    for (enum writer writer = statistics; writer <= audit; writer++) refuses(writer, path, "it is reached by a link");
    file_is(victim, "precious\n");

    // A socket in the place of that of the syslog daemon.
    int socket_of_another = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "log"};
    OK(chdir(path_of(path, "open")));
    OK(bind(socket_of_another, (struct sockaddr *)&address, sizeof address));
    OK(chown("log", stranger, stranger));
    EQUAL(count_lines(run_with_file(audit, "syslog:log", NULL), "the log ", "it belongs to another user"), 1);
    char line[256];
    FAILS(recv(socket_of_another, line, sizeof line, 0), EAGAIN);
    OK(chown("log", 0, 0));
    EQUAL(count_lines(run_with_file(audit, "syslog:log", NULL), "kaio", NULL), 0);
    CHECK(recv(socket_of_another, line, sizeof line, 0) > 0);
    OK(chdir(whole));

    // In a directory of root's alone a link is root's word.
    OK(symlink("target", path_of(own, "link")));
    EQUAL(count_lines(run_with_file(statistics, own, NULL), "kaio", NULL), 0);
    CHECK(mode_of(path_of(own, "target")) != 0);
    CHECK(S_ISREG(({ struct stat status; OK(stat(path_of(own, "target"), &status)); status.st_mode; })));
    // So are those of the system's own.
    CHECK(strstr(run_with_file(statistics, "/dev/stderr", NULL), "\"version\""));
}
