// What `Benchmarks/bench never-blocks` runs: how long the calls take that submit, where the kernel sleeps though it is asked not to
// wait; and a disk that is as slow as it is told to be, a file in a FUSE file system, for a loop device.
//
//     never serve DIRECTORY MIB CONTROL      mounts it there, and answers until it is unmounted
//     never delay CONTROL DATA ATTRIBUTES    from now on each transfer, and each question for attributes, takes so many microseconds
//     never holes FILE COUNT                 a file of so many extents
//     never rate PLACE DEPTH MILLISECONDS FILE                 PLACE: cached, direct; requests a second, and their CPU time
//     never call WAY SITUATION DEPTH CALLS SECONDS FILE [OTHER]
//
// WAY is `posix` (aio_read, aio_write) or `raw` (io_submit, with RWF_NOWAIT where it is
// buffered). At most DEPTH requests are in flight.
#define _GNU_SOURCE
#include <aio.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000ll + time.tv_nsec;
}

// --- The disk

struct control {
    atomic_int data, attributes;
};

static struct control *control;
static unsigned char *content;
static size_t content_size;
static int device;

static struct control *open_control(const char *path) {
    int file = open(path, O_RDWR | O_CREAT, 0600);
    if (file < 0 || ftruncate(file, sizeof(struct control)) != 0) err(1, "%s", path);
    void *memory = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED) err(1, "mmap");
    close(file);
    return memory;
}

static void reply(uint64_t unique, int error, const void *data, size_t size) {
    struct fuse_out_header head = {.len = (uint32_t)(sizeof head + size), .error = -error, .unique = unique};
    struct iovec parts[] = {{&head, sizeof head}, {(void *)data, size}};
    if (writev(device, parts, size ? 2 : 1) < 0 && errno != ENOENT && errno != ENODEV) err(1, "reply");
}

static struct fuse_attr attributes(uint64_t node) {
    struct fuse_attr answer = {.ino = node, .nlink = 1, .blksize = 4096};
    answer.mode = node == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0644;
    if (node != FUSE_ROOT_ID) answer.size = content_size;
    return answer;
}

static void answer(const struct fuse_in_header *head) {
    const void *in = head + 1;
    switch (head->opcode) {
    case FUSE_INIT: {
        const struct fuse_init_in *init = in;
        struct fuse_init_out out = {.major = FUSE_KERNEL_VERSION, .minor = 31, .max_readahead = init->max_readahead,
                                    .flags = FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_ASYNC_DIO, .max_background = 64,
                                    .congestion_threshold = 48, .max_write = 128 << 10, .time_gran = 1};
        return reply(head->unique, 0, &out, sizeof out);
    }
    case FUSE_LOOKUP: {
        struct fuse_entry_out out = {.nodeid = 2, .entry_valid = 1000, .attr = attributes(2)};
        if (head->nodeid != FUSE_ROOT_ID || strcmp(in, "data") != 0) return reply(head->unique, ENOENT, NULL, 0);
        return reply(head->unique, 0, &out, sizeof out);
    }
    case FUSE_GETATTR:
    case FUSE_SETATTR: {
        struct fuse_attr_out out = {.attr = attributes(head->nodeid)};
        if (control->attributes) usleep((useconds_t)control->attributes);
        return reply(head->unique, 0, &out, sizeof out);
    }
    case FUSE_OPEN:
    case FUSE_OPENDIR: {
        // The disk below has no cache.
        struct fuse_open_out out = {.fh = 1, .open_flags = FOPEN_DIRECT_IO};
        return reply(head->unique, 0, &out, sizeof out);
    }
    case FUSE_READ: {
        const struct fuse_read_in *read = in;
        if (control->data) usleep((useconds_t)control->data);
        size_t left = read->offset < content_size ? content_size - read->offset : 0;
        return reply(head->unique, 0, content + read->offset, left < read->size ? left : read->size);
    }
    case FUSE_WRITE: {
        const struct fuse_write_in *write = in;
        struct fuse_write_out out = {.size = write->size};
        if (control->data) usleep((useconds_t)control->data);
        if (write->offset + write->size > content_size) return reply(head->unique, ENOSPC, NULL, 0);
        memcpy(content + write->offset, write + 1, write->size);
        return reply(head->unique, 0, &out, sizeof out);
    }
    case FUSE_FSYNC:
    case FUSE_FLUSH:
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR: return reply(head->unique, 0, NULL, 0);
    case FUSE_STATFS: {
        struct fuse_statfs_out out = {.st = {.bsize = 4096, .namelen = 255}};
        return reply(head->unique, 0, &out, sizeof out);
    }
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT: return;
    default: return reply(head->unique, ENOSYS, NULL, 0);
    }
}

static void *serve_thread(void *unused) {
    char *buffer = malloc(256 << 10);
    if (!buffer) err(1, "malloc");
    for (;;) {
        ssize_t count = read(device, buffer, 256 << 10);
        if (count < 0 && (errno == EINTR || errno == ENOENT || errno == EAGAIN)) continue;
        if (count < (ssize_t)sizeof(struct fuse_in_header)) exit(0);
        answer((const struct fuse_in_header *)(const void *)buffer);
    }
    return unused;
}

static int serve(const char *directory, size_t size, const char *path) {
    char options[128];
    control = open_control(path);
    content_size = size;
    content = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (content == MAP_FAILED) err(1, "mmap");
    device = open("/dev/fuse", O_RDWR);
    if (device < 0) err(1, "/dev/fuse");
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", device);
    if (mount("never", directory, "fuse.never", MS_NOSUID | MS_NODEV, options) != 0) err(1, "mount");
    pthread_t thread;
    for (int i = 0; i < 64; i++) pthread_create(&thread, NULL, serve_thread, NULL);
    serve_thread(NULL);
    return 0;
}

// Every other block is there.
static int holes(const char *path, long count) {
    static char block[1024] = {1};
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (file < 0) err(1, "%s", path);
    for (long i = 0; i < count; i++)
        if (pwrite(file, block, sizeof block, i * 2 * (long)sizeof block) != sizeof block) err(1, "%s", path);
    if (fsync(file) != 0) err(1, "%s", path);
    return 0;
}

// --- The calls

struct one {
    struct aiocb posix;
    struct iocb raw;
    int done;
};

static int is_raw, raw_flags, descriptor;
static aio_context_t context;
static size_t length;

static void submit(struct one *one, int is_write, off_t offset, void *buffer) {
    if (!is_raw) {
        one->posix = (struct aiocb){.aio_fildes = descriptor, .aio_buf = buffer, .aio_nbytes = length, .aio_offset = offset};
        if ((is_write ? aio_write : aio_read)(&one->posix) != 0) err(1, "submit");
        return;
    }
    one->raw = (struct iocb){.aio_data = (uint64_t)(uintptr_t)one, .aio_lio_opcode = is_write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD,
                             .aio_fildes = (uint32_t)descriptor, .aio_buf = (uint64_t)(uintptr_t)buffer,
                             .aio_nbytes = length, .aio_offset = offset, .aio_rw_flags = raw_flags};
    struct iocb *list = &one->raw;
    one->done = 0;
    if (syscall(SYS_io_submit, context, 1l, &list) != 1) one->done = 1;
}

static void finish(struct one *one) {
    if (!is_raw) {
        const struct aiocb *list[] = {&one->posix};
        while (aio_error(&one->posix) == EINPROGRESS) aio_suspend(list, 1, NULL);
        aio_return(&one->posix);
    }
    while (is_raw && !one->done) {
        struct io_event event;
        if (syscall(SYS_io_getevents, context, 1l, 1l, &event, NULL) == 1) ((struct one *)(uintptr_t)event.data)->done = 1;
    }
}

static int compare(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

// How often this thread has waited for something.
static long sleeps(void) {
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nvcsw;
}

// Another thread that writes to a file and has it synchronized.
static void *synchronize(void *path) {
    static char block[4096] = {1};
    int file = open(path, O_RDWR | O_CREAT, 0600);
    for (long i = 0;; i++) {
        if (pwrite(file, block, sizeof block, i % 64 * 4096) < 0 || fsync(file) != 0) return NULL;
        usleep(1000);
    }
}

static int call(char **words, int count) {
    const char *situation = words[1];
    int depth = atoi(words[2]), calls = atoi(words[3]), done = 0, begun = 0, over = 0, slept = 0;
    int64_t limit = now() + atoi(words[4]) * 1000000000ll;
    int is_metadata = !strcmp(situation, "metadata"), is_size = !strcmp(situation, "size"), is_page = !strcmp(situation, "page"),
        is_buffered = is_metadata || is_page || !strcmp(situation, "server"),
        is_write_only = !strcmp(situation, "journal");
    is_raw = !strcmp(words[0], "raw");
    if (is_raw && syscall(SYS_io_setup, depth + 8, &context) != 0) err(1, "io_setup");
    descriptor = open(words[5], O_RDWR | (is_buffered ? 0 : O_DIRECT));
    // What is buffered is not done by io_submit without it, but in the call.
    if (is_buffered) raw_flags = RWF_NOWAIT;
    off_t size = descriptor < 0 ? -1 : lseek(descriptor, 0, SEEK_END);
    if (size < 0) err(1, "%s", words[5]);
    // All in flight together have 1 GiB at most.
    length = !is_size ? (is_metadata ? 1024 : 4096) : depth == 1 ? 32 << 20 : depth <= 32 ? 4 << 20 : (1 << 20) + (512 << 10);
    struct one *ones = calloc((size_t)depth, sizeof *ones);
    int64_t *times = calloc((size_t)calls, sizeof *times);
    size_t step = is_page ? 64 << 10 : length, room = is_page ? (size_t)calls * step : (size_t)depth * length;
    int pages = -1;
    if (is_page) {
        pages = count > 6 ? open(words[6], O_RDWR) : -1;
        if (pages < 0) err(1, "the buffer's file");
        static char block[65536];
        while (read(descriptor, block, sizeof block) > 0) {}
    }
    char *memory = mmap(NULL, room, PROT_READ | PROT_WRITE, is_page ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, pages, 0);
    if (memory == MAP_FAILED) err(1, "mmap");
    madvise(memory, room, is_page ? MADV_RANDOM : MADV_NOHUGEPAGE);
    // In the situation of sizes the buffers are new each time.
    if (!is_page && !is_size) memset(memory, 1, room);
    if (is_metadata) posix_fadvise(descriptor, 0, 0, POSIX_FADV_RANDOM);
    pthread_t thread;
    if (is_write_only && count > 6) pthread_create(&thread, NULL, synchronize, words[6]);
    srandom(1);
    while (begun < calls && now() < limit) {
        struct one *one = &ones[begun % depth];
        if (begun - done == depth) finish(&ones[done++ % depth]);
        char *buffer = memory + (size_t)(is_page ? begun : begun % depth) * step;
        if (is_size) madvise(buffer, length, MADV_DONTNEED);
        off_t offset = is_size ? 0 : random() % (size / (off_t)length) * (off_t)length;
        // Its own place for each in flight.
        if (is_write_only) offset = begun % depth * (off_t)length;
        long sleeps_before = sleeps();
        int64_t start = now();
        submit(one, is_write_only, offset, buffer);
        times[begun] = now() - start;
        if (times[begun] > 1000000) over++;
        // The others lost the processor.
        if (times[begun++] > 1000000 && sleeps() != sleeps_before) slept++;
    }
    qsort(times, (size_t)begun, sizeof *times, compare);
    printf("{\"calls\": %d, \"over\": %d, \"slept\": %d, \"p50_ns\": %ld, \"p99_ns\": %ld, \"longest_ns\": %ld}\n", begun, over, slept,
           (long)times[begun / 2], (long)times[begun * 99 / 100], (long)times[begun - 1]);
    fflush(stdout);
    // What is in flight may take long.
    _exit(0);
}

static int rate(char **words) {
    int depth = atoi(words[1]), is_cached = !strcmp(words[0], "cached");
    int64_t begin = now(), limit = begin + atoi(words[2]) * 1000000ll;
    long begun = 0;
    length = 4096;
    descriptor = open(words[3], O_RDWR | (is_cached ? 0 : O_DIRECT));
    off_t size = descriptor < 0 ? -1 : lseek(descriptor, 0, SEEK_END);
    struct one *ones = calloc((size_t)depth, sizeof *ones);
    char *memory = mmap(NULL, (size_t)depth * length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (size <= 0 || !ones || memory == MAP_FAILED) err(1, "%s", words[3]);
    srandom(1);
    for (; begun % 64 != 0 || now() < limit; begun++) {
        struct one *one = &ones[begun % depth];
        if (begun >= depth) finish(one);
        submit(one, 0, random() % (size / (off_t)length) * (off_t)length, memory + (size_t)(begun % depth) * length);
    }
    int64_t took = now() - begin;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    printf("{\"rate\": %.1f, \"cpu_us\": %.4f}\n", (double)begun * 1e9 / (double)took, cpu / (double)begun);
    fflush(stdout);
    _exit(0);
}

int main(int count, char **words) {
    if (count == 5 && !strcmp(words[1], "serve")) return serve(words[2], (size_t)atoi(words[3]) << 20, words[4]);
    if (count == 5 && !strcmp(words[1], "delay")) {
        control = open_control(words[2]);
        control->data = atoi(words[3]);
        control->attributes = atoi(words[4]);
        return 0;
    }
    if (count == 4 && !strcmp(words[1], "holes")) return holes(words[2], atol(words[3]));
    if (count == 6 && !strcmp(words[1], "rate")) return rate(words + 2);
    if (count >= 8 && !strcmp(words[1], "call")) return call(words + 2, count - 2);
    errx(2, "see the beginning of never.c");
}
