// A device of the test's own, with a power switch: a FUSE file system with one file, `data`, whose writes are safe only once they
// are synchronized, and lost when the power is cut. It needs root, for the mount; that lies in a namespace of the program's, so
// nothing is left behind.
#ifndef KAIO_TESTS_DEVICE_H
#define KAIO_TESTS_DEVICE_H

#include "../check.h"
#include <linux/fuse.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/uio.h>

enum { device_size = 256 << 10, device_threads = 4, device_file = 2 };

// Shared by the program, the device's process, and the programs that write.
struct device {
    pthread_mutex_t lock;
    atomic_int cut;            // nothing becomes safe, nothing is answered
    atomic_int failing_syncs;  // so many fail with EIO
    atomic_int full;           // writes fail with ENOSPC
    atomic_int slow_syncs;     // microseconds that each takes
    atomic_int held;           // nobody is told what the file's attributes are
    atomic_int held_reads;     // nor what is in it
    atomic_int stuck;          // nothing at all is answered
    atomic_int held_writes;    // nobody is told that something was written
    atomic_int held_flushes;   // no descriptor is closed
    atomic_long syncs, writes; // that were answered
    uint64_t size;
    unsigned char now[device_size], safe[device_size], kept[device_size];
    atomic_ulong told[1024]; // for the writers
};

static struct device *device;
static int device_fd = -1;
static char device_path[PATH_MAX];

static void device_reply(uint64_t unique, int error, const void *data, size_t size) {
    struct fuse_out_header head = {.len = (uint32_t)(sizeof head + size), .error = -error, .unique = unique};
    struct iovec parts[] = {{&head, sizeof head}, {(void *)data, size}};
    if (writev(device_fd, parts, size ? 2 : 1) < 0 && errno != ENOENT && errno != ENODEV && errno != EBADF)
        failed(__FILE__, __LINE__, "the device: %s", strerror(errno));
}

static struct fuse_attr device_attributes(uint64_t node) {
    struct fuse_attr attributes = {.ino = node, .nlink = 1, .mode = S_IFREG | 0644, .blksize = 4096};
    if (node == FUSE_ROOT_ID) attributes.mode = S_IFDIR | 0755;
    else attributes.size = device->size;
    return attributes;
}

static void device_sync(const struct fuse_in_header *head) {
    int error = 0;
    if (device->slow_syncs) usleep((useconds_t)device->slow_syncs);
    pthread_mutex_lock(&device->lock);
    if (device->failing_syncs > 0) {
        // As a kernel does: it says so once, and what was written is not what is kept.
        device->failing_syncs--;
        error = EIO;
    } else if (device->cut) {
        error = EIO;
    } else {
        memcpy(device->safe, device->now, device_size);
        device->syncs++;
    }
    pthread_mutex_unlock(&device->lock);
    while (device->cut) usleep(1000);
    device_reply(head->unique, error, NULL, 0);
}

static void device_write(const struct fuse_in_header *head, const struct fuse_write_in *in) {
    struct fuse_write_out out = {.size = in->size};
    if (device->full || in->offset + in->size > device_size) return device_reply(head->unique, ENOSPC, NULL, 0);
    while (device->held_writes) usleep(1000);
    pthread_mutex_lock(&device->lock);
    if (!device->cut) {
        memcpy(device->now + in->offset, in + 1, in->size);
        if (in->offset + in->size > device->size) device->size = in->offset + in->size;
        device->writes++;
    }
    pthread_mutex_unlock(&device->lock);
    device_reply(head->unique, 0, &out, sizeof out);
}

static void device_answer(const struct fuse_in_header *head) {
    const void *in = head + 1;
    while (device->stuck) usleep(1000);
    switch (head->opcode) {
    case FUSE_INIT: {
        const struct fuse_init_in *init = in;
        struct fuse_init_out out = {.major = FUSE_KERNEL_VERSION, .minor = 31, .max_readahead = init->max_readahead,
                                    .flags = FUSE_ASYNC_READ | FUSE_BIG_WRITES, .max_background = 16,
                                    .congestion_threshold = 12, .max_write = 128 << 10, .time_gran = 1};
        return device_reply(head->unique, 0, &out, sizeof out);
    }
    case FUSE_LOOKUP: {
        struct fuse_entry_out out = {.nodeid = device_file, .attr = device_attributes(device_file)};
        if (head->nodeid != FUSE_ROOT_ID || strcmp(in, "data") != 0) return device_reply(head->unique, ENOENT, NULL, 0);
        return device_reply(head->unique, 0, &out, sizeof out);
    }
    case FUSE_GETATTR:
    case FUSE_SETATTR: {
        const struct fuse_setattr_in *set = in;
        if (head->opcode == FUSE_SETATTR && set->valid & FATTR_SIZE) device->size = set->size;
        struct fuse_attr_out out = {.attr = device_attributes(head->nodeid)};
        while (device->held) usleep(1000);
        return device_reply(head->unique, 0, &out, sizeof out);
    }
    case FUSE_OPEN:
    case FUSE_OPENDIR: {
        struct fuse_open_out out = {.fh = 1};
        return device_reply(head->unique, 0, &out, sizeof out);
    }
    case FUSE_READ: {
        const struct fuse_read_in *read = in;
        while (device->held_reads) usleep(1000);
        size_t left = read->offset < device->size ? device->size - read->offset : 0;
        return device_reply(head->unique, 0, device->now + read->offset, left < read->size ? left : read->size);
    }
    case FUSE_WRITE: return device_write(head, in);
    case FUSE_FSYNC: return device_sync(head);
    case FUSE_FLUSH:
        while (device->held_flushes) usleep(1000);
        return device_reply(head->unique, 0, NULL, 0);
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR: return device_reply(head->unique, 0, NULL, 0);
    case FUSE_STATFS: {
        struct fuse_statfs_out out = {.st = {.bsize = 4096, .namelen = 255}};
        return device_reply(head->unique, 0, &out, sizeof out);
    }
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT: return;
    default: return device_reply(head->unique, ENOSYS, NULL, 0);
    }
}

static void *device_thread(void *unused) {
    char *buffer = malloc(256 << 10);
    CHECK(buffer);
    for (;;) {
        ssize_t count = read(device_fd, buffer, 256 << 10);
        if (count < 0 && (errno == EINTR || errno == ENOENT || errno == EAGAIN)) continue;
        if (count < (ssize_t)sizeof(struct fuse_in_header)) _exit(0);
        device_answer((const struct fuse_in_header *)(const void *)buffer);
    }
    return unused;
}

static void device_share(int memory) {
    device = mmap(NULL, sizeof *device, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    CHECK(device != MAP_FAILED);
}

// Makes the device, and `device_path` the path of its file. Returns the memory that writers share.
static UNUSED int device_make(void) {
    int memory = memfd_create("device", 0);
    CHECK(memory >= 0);
    OK(ftruncate(memory, sizeof *device));
    device_share(memory);
    pthread_mutexattr_t shared;
    pthread_mutexattr_init(&shared);
    pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
    OK(pthread_mutex_init(&device->lock, &shared));
    device->size = device_size;
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        failed(__FILE__, __LINE__, "a mount namespace of its own: %s; run this as root", strerror(errno));
    char directory[PATH_MAX], options[128];
    mkdir(path_of(directory, "device"), 0755);
    path_of(device_path, "device/data");
    device_fd = open("/dev/fuse", O_RDWR);
    if (device_fd < 0) failed(__FILE__, __LINE__, "/dev/fuse: %s", strerror(errno));
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", device_fd);
    OK(mount("device", directory, "fuse.device", MS_NOSUID | MS_NODEV, options));
    pid_t process = fork();
    CHECK(process >= 0);
    if (process == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pthread_t thread;
        for (int i = 1; i < device_threads; i++) OK(pthread_create(&thread, NULL, device_thread, NULL));
        device_thread(NULL);
    }
    close(device_fd);
    return memory;
}

// From here on nothing becomes safe; `kept` is what the device has.
static UNUSED void device_cut(void) {
    pthread_mutex_lock(&device->lock);
    device->cut = 1;
    memcpy(device->kept, device->safe, device_size);
    pthread_mutex_unlock(&device->lock);
}

// The power comes back: what was not safe is gone.
static UNUSED void device_come_back(void) {
    pthread_mutex_lock(&device->lock);
    memcpy(device->now, device->safe, device_size);
    device->cut = 0;
    pthread_mutex_unlock(&device->lock);
}

#endif
