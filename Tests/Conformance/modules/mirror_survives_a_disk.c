// holds: A mirror's leg on a file system that is full fails and the write is good; a leg whose disk is gone (a loop device, unmounted) has failed and is not made anew where it was mounted; when the disk is there again it is copied and equal.
// source: kaio
// links: -Wl,-z,dynamic-undefined-weak
// limit: 90
#include "mirror.h"
#include <sched.h>
#include <sys/mount.h>

enum { size = 65536, blocks = 16 };
static char disk[PATH_MAX + 8], leg[PATH_MAX + 16];

static void use_disk(const char *log) {
    static char parameters[4 * PATH_MAX];
    mirror_paths();
    snprintf(parameters, sizeof parameters, "mirror:legs = %s; mirror:log = %s; mirror:region size = 64k; mirror:resync rate = 1G", leg,
             log);
    setenv("KAIO_VFS_OBJECTS", "mirror ordered aio_linux aio_poll aio_pthread", 1);
    setenv("KAIO_VFS_PARAMETERS", parameters, 1);
}

static void write_blocks(int file, uint64_t seed) {
    for (int i = 0; i < blocks; i++) write_at(file, size, seed, (off_t)i * size);
    for (int i = 0; i < blocks; i++) read_at(file, size, seed, (off_t)i * size);
}

// What is said has these words.
static void write_through(void *words) {
    struct said said;
    use_disk(mirror_log);
    listen_to_stderr(&said);
    int file = open_mirror(0);
    write_blocks(file, words ? 2 : 1);
    fsync_all(file);
    OK(close(file));
    stop_listening(&said);
    if (words) HAS(said.text, (const char *)words);
    else EQUAL(said.text[0], 0);
}

static void becomes_equal(void *nothing) {
    (void)nothing;
    use_disk(mirror_log);
    int file = open_mirror(0);
    read_at(file, size, 2, 0);
    for (double end = now() + 30; !are_equal(one, leg) && now() < end; sleep_for(0.02)) {}
    OK(close(file));
    CHECK(are_equal(one, leg));
}

int main(void) {
    mirror_paths();
    snprintf(disk, sizeof disk, "%s.disk", two);
    snprintf(leg, sizeof leg, "%s/leg", disk);
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
        printf("skipped: a mount namespace of its own: %s\n", strerror(errno));
        return 0;
    }
    OK(mkdir(disk, 0755));
    // Room for the half.
    OK(mount("none", disk, "tmpfs", 0, "size=512k,mode=755"));
    in_child(write_through, "leg failed: ENOSPC", 0);
    OK(umount(disk));
    forget_mirror();

    static char command[6 * PATH_MAX];
    snprintf(command, sizeof command, "truncate -s 16M '%s.image' && mkfs.ext4 -q '%s.image' && mount -o loop '%s.image' '%s'", two, two, two,
             disk);
    if (system(command) != 0) {
        printf("skipped: no loop device\n");
        return 0;
    }
    in_child(write_through, NULL, 0);
    CHECK(are_equal(one, leg));
    OK(umount(disk));
    in_child(write_through, "can't be used: No such file", 0);
    FAILS(access(leg, F_OK), ENOENT);
    snprintf(command, sizeof command, "mount -o loop '%s.image' '%s'", two, disk);
    EQUAL(system(command), 0);
    CHECK(!are_equal(one, leg));
    in_child(becomes_equal, NULL, 0);
    OK(umount(disk));
}
