// holds: A mirror's log that another user owns, can write to or can replace is not used: requests fail, it is said why, and no file that it names is touched. What only the log names is a leg if it is nobody else's.
// source: kaio
// links: -Wl,-z,dynamic-undefined-weak
#include "../modules/mirror.h"
#include "trust.h"

enum { size = 8192 };

static void write_all(void *legs) {
    use_mirror(*(int *)legs, NULL);
    int file = open_mirror(0);
    write_at(file, size, 1, 0);
    OK(close(file));
}

static void is_refused(void *reason) {
    struct said said;
    static char data[size];
    use_mirror(2, NULL);
    listen_to_stderr(&said);
    int file = open_mirror(0);
    struct aiocb control = request(file, data, sizeof data, 0);
    for (int i = 0; i < 3; i++) {
        OK(aio_write(&control));
        FINISHES_WITH(&control, EPERM);
    }
    OK(close(file));
    stop_listening(&said);
    HAS(said.text, (const char *)reason);
    const char *first = strstr(said.text, "its requests fail");
    CHECK(first && !strstr(first + 1, "its requests fail"));
}

// The third leg stands in the log alone.
static void lacks_the_third(void *nothing) {
    (void)nothing;
    struct said said;
    use_mirror(2, NULL);
    listen_to_stderr(&said);
    int file = open_mirror(0);
    write_at(file, size, 2, 0);
    OK(close(file));
    stop_listening(&said);
    HAS(said.text, "three can't be used: ");
    HAS(said.text, "belongs to another user");
}

static void has_the_third(void *nothing) {
    (void)nothing;
    use_mirror(2, "mirror:resync rate = 1G");
    int file = open_mirror(0);
    write_at(file, size, 3, 0);
    await_equal(3);
    OK(close(file));
}

// Nothing of the file is what the refused requests would have written.
static void are_untouched(int legs) {
    legs_are_equal(legs);
    unsigned char data[size];
    int file = open(two, O_RDONLY | O_CLOEXEC);
    EQUAL(read(file, data, size), size);
    VERIFY(data, size, 1, 0);
    close(file);
}

int main(void) {
    char directory[PATH_MAX], name[PATH_MAX];
    int legs = 2;
    need_root();
    CHECK(realpath(path_of(name, "."), directory));
    mirror_paths();
    forget_mirror();
    in_child(write_all, &legs, 0);
    OK(chown(mirror_log, stranger, stranger));
    in_child(is_refused, "belongs to another user", 0);
    OK(chown(mirror_log, 0, 0));
    OK(chmod(mirror_log, 0622));
    in_child(is_refused, "others can write to it", 0);
    OK(chmod(mirror_log, 0600));
    struct stat before;
    OK(stat(directory, &before));
    OK(chmod(directory, 0777));
    in_child(is_refused, "others can write to its directory", 0);
    OK(chmod(directory, before.st_mode & 07777));
    are_untouched(2);
    legs = 3;
    in_child(write_all, &legs, 0);
    are_untouched(3);
    OK(chown(three, stranger, stranger));
    in_child(lacks_the_third, NULL, 0);
    CHECK(!are_equal(one, three));
    legs_are_equal(2);
    OK(chown(three, 0, 0));
    in_child(has_the_third, NULL, 0);
}
