// holds: A mirrored file that is changed or cut without the mirror is noticed, while it is open and at the next start, and the other legs are copied from it; a leg that is another file, or was changed, is never read, and copied anew.
// source: kaio
// links: -Wl,-z,dynamic-undefined-weak
// limit: 60
#include "mirror.h"

enum { size = 65536, blocks = 16 };

static void make_it(void *nothing) {
    (void)nothing;
    use_mirror(2, "mirror:region size = 64k");
    int file = open_mirror(0);
    for (int i = 0; i < blocks; i++) write_at(file, size, 1, (off_t)i * size);
    OK(close(file));
    legs_are_equal(2);
}

// What it says has these words, nothing comes from what was brought back, and all becomes equal.
static void find_out(void *words) {
    struct said said;
    use_mirror(2, "mirror:region size = 64k; mirror:resync rate = 1G");
    listen_to_stderr(&said);
    int file = open_mirror(0);
    struct stat status;
    OK(fstat(file, &status));
    static unsigned char data[size], expected[size];
    for (off_t offset = 0; offset < status.st_size; offset += size) {
        struct aiocb control = request(file, data, size, offset);
        OK(aio_read(&control));
        ssize_t count = FINISH(&control);
        EQUAL(count, pread(file, expected, size, offset));
        EQUAL(memcmp(data, expected, (size_t)count), 0);
    }
    await_equal(2);
    OK(close(file));
    stop_listening(&said);
    if (words) HAS(said.text, (const char *)words);
    else if (said.text[0]) failed(__FILE__, __LINE__, "it says: %s", said.text);
    legs_are_equal(2);
}

static void change_it_meanwhile(void *nothing) {
    (void)nothing;
    struct said said;
    use_mirror(2, "mirror:region size = 64k; mirror:resync rate = 1G");
    listen_to_stderr(&said);
    int file = open_mirror(0);
    write_at(file, size, 1, 0);
    // That is when the mirror begins to look.
    await_clean();
    static unsigned char data[size];
    fill(data, size, 9, 3 * size);
    EQUAL(pwrite(file, data, size, 3 * size), size);
    await_equal(2);
    read_at(file, size, 9, 3 * size);
    await_in_sync(2);
    await_clean();
    OK(ftruncate(file, 5 * size + 100));
    read_at(file, 100, 1, 5 * size);
    struct aiocb control = request(file, data, size, 5 * size);
    OK(aio_read(&control));
    EQUAL(FINISH(&control), 100);
    // Whichever leg is next.
    for (int i = 0; i < 4; i++) {
        control.aio_offset = (7 + i) * size;
        OK(aio_read(&control));
        EQUAL(FINISH(&control), 0);
    }
    OK(close(file));
    stop_listening(&said);
    HAS(said.text, "changed without the mirror");
}

// Between two asynchronous writes, and just before the end.
static void change_it_at_once(void *is_last) {
    struct said said;
    static unsigned char data[size];
    use_mirror(2, "mirror:region size = 64k; mirror:resync rate = 1G");
    listen_to_stderr(&said);
    int file = open_mirror(0);
    write_at(file, size, 1, 0);
    // The kernel's times have steps of up to 10 ms.
    sleep_for(0.05);
    fill(data, size, 8, 2 * size);
    EQUAL(pwrite(file, data, size, 2 * size), size);
    if (!is_last) {
        write_at(file, size, 1, 0);
        for (int i = 0; i < 8; i++) read_at(file, size, 8, 2 * size);
    }
    OK(close(file));
    stop_listening(&said);
    HAS(said.text, "changed without the mirror");
}

// Whether the kernel gives each change a time of its own that comes after a look at the time (from 6.13 on, most file systems).
static int times_differ(int file, const void *data) {
    for (int i = 0; i < 20; i++) {
        struct stat before, after;
        OK(fstat(file, &before));
        EQUAL(pwrite(file, data, 1, 0), 1);
        OK(fstat(file, &after));
        if (before.st_ctim.tv_nsec == after.st_ctim.tv_nsec && before.st_ctim.tv_sec == after.st_ctim.tv_sec) return 0;
    }
    return 1;
}

// Between two asynchronous writes, all within one step of the kernel's clock.
static void change_it_within_a_step(void *nothing) {
    (void)nothing;
    struct said said;
    static unsigned char data[size];
    // Not the mirror's, which is not to be changed where this is skipped.
    int file = scratch_file(0);
    if (!times_differ(file, data)) {
        printf("skipped: the file system's times have steps\n");
        return;
    }
    OK(close(file));
    use_mirror(2, "mirror:region size = 64k; mirror:resync rate = 1G");
    listen_to_stderr(&said);
    file = open_mirror(0);
    for (int i = 1; i <= 20; i++) {
        write_at(file, 4096, 1, 0);
        fill(data, 4096, (uint64_t)i, 2 * size);
        EQUAL(pwrite(file, data, 4096, 2 * size), 4096);
        write_at(file, 4096, 1, 0);
        // From whichever leg.
        for (int k = 0; k < 3; k++) read_at(file, 4096, (uint64_t)i, 2 * size);
    }
    OK(close(file));
    stop_listening(&said);
    HAS(said.text, "changed without the mirror");
}

static void overwrite(const char *path, int seed, off_t length) {
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(file >= 0);
    write_pattern(file, size, (uint64_t)seed, 2 * size);
    if (length >= 0) OK(ftruncate(file, length));
    OK(close(file));
}

int main(void) {
    mirror_paths();
    forget_mirror();
    in_child(make_it, NULL, 0);
    in_child(find_out, NULL, 0);
    // The file itself, by other means.
    overwrite(one, 2, -1);
    in_child(find_out, "changed without the mirror", 0);
    overwrite(one, 3, 4 * size + 10);
    in_child(find_out, "changed without the mirror", 0);
    in_child(find_out, NULL, 0);
    // A leg, in its place.
    overwrite(two, 4, -1);
    in_child(find_out, "is not what it was", 0);
    overwrite(two, 4, 100);
    in_child(find_out, "is not what it was", 0);
    // An older copy is brought back under its name.
    char other[PATH_MAX + 8];
    snprintf(other, sizeof other, "%s.old", two);
    overwrite(other, 5, 4 * size + 10);
    OK(rename(other, two));
    in_child(find_out, "is not what it was", 0);
    in_child(find_out, NULL, 0);
    // The log is gone, or garbage.
    OK(unlink(mirror_log));
    overwrite(two, 6, -1);
    in_child(find_out, NULL, 0);
    int file = open(mirror_log, O_RDWR | O_CLOEXEC);
    CHECK(file >= 0);
    static char garbage[20000];
    memset(garbage, 7, sizeof garbage);
    EQUAL(pwrite(file, garbage, sizeof garbage, 0), (ssize_t)sizeof garbage);
    OK(close(file));
    overwrite(two, 7, -1);
    in_child(find_out, "the log is damaged", 0);
    in_child(make_it, NULL, 0);
    for (int is_last = 0; is_last < 2; is_last++) {
        in_child(change_it_at_once, is_last ? &is_last : NULL, 0);
        in_child(find_out, NULL, 0);
        in_child(make_it, NULL, 0);
    }
    in_child(change_it_within_a_step, NULL, 0);
    in_child(find_out, NULL, 0);
    in_child(make_it, NULL, 0);
    in_child(change_it_meanwhile, NULL, 0);
    in_child(find_out, NULL, 0);
}
