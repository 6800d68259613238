// holds: A file whose transfers can't be asked not to wait (inline_data on ext4) keeps no other file of its device out of the kernel.
// source: kaio
#include "../check.h"

#include <linux/loop.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

enum { SIZE = 4096, WRITES = 1000 };

// A file system with inline data, in a namespace of this program's, on a loop device that goes with it.
static int make_file_system(const char *folder) {
    char image[PATH_MAX], command[PATH_MAX + 100], device[32];
    snprintf(command, sizeof command, "PATH=$PATH:/usr/sbin:/sbin mkfs.ext4 -q -F -O inline_data -I 256 %s 32M",
             path_of(image, "image"));
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) return NOT_HERE;
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    if (control < 0 || system(command) != 0) return NOT_HERE;
    int file = open(image, O_RDWR | O_CLOEXEC), number = ioctl(control, LOOP_CTL_GET_FREE);
    struct loop_config config = {.fd = (unsigned)file, .info = {.lo_flags = LO_FLAGS_AUTOCLEAR}};
    snprintf(device, sizeof device, "/dev/loop%d", number);
    int loop = open(device, O_RDWR | O_CLOEXEC);
    if (file < 0 || loop < 0 || ioctl(loop, LOOP_CONFIGURE, &config) != 0) return NOT_HERE;
    OK(mkdir(folder, 0700));
    OK(mount(device, folder, "ext4", MS_NOSUID | MS_NODEV, NULL));
    close(loop);
    return 0;
}

static void write_one(int file, char *buffer, size_t length) {
    struct aiocb control = request(file, buffer, length, 0);
    OK(aio_write(&control));
    EQUAL(FINISH(&control), length);
}

static int open_direct(const char *folder, const char *name, const char *bytes, size_t length) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    EQUAL(write(file, bytes, length), length);
    OK(fsync(file));
    close(file);
    file = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
    CHECK(file >= 0);
    return file;
}

static int make_writes(void) {
    char folder[PATH_MAX], *buffer = aligned_buffer(SIZE);
    if (make_file_system(path_of(folder, "folder")) != 0) return NOT_HERE;
    memset(buffer, 'a', SIZE);
    int odd = open_direct(folder, "odd", buffer, 20), usual = open_direct(folder, "usual", buffer, SIZE);
    write_one(odd, buffer, 20);
    for (int i = 0; i < WRITES; i++) write_one(usual, buffer, SIZE);
    write_one(odd, buffer, 20);
    free(buffer);
    close(odd);
    close(usual);
    return 0;
}

int main(int arguments, char **names) {
    (void)names;
    if (arguments > 1) return make_writes();
    char json[4096];
    if (!statistics_of_work(json, sizeof json)) return 0;
    CHECK(stat_of(json, "modules", "aio_linux") >= WRITES);
    CHECK(stat_of(json, "modules", "aio_pthread") >= 2);
}
