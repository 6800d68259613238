// What fio cannot measure. Each run takes one measure and prints one JSON object with what it found; times are
// in nanoseconds. `posix` means the functions of <aio.h> of whichever library the process has (the C library's,
// or kaio's when it is preloaded), `raw` the kernel's calls through libaio.
//
//   micro error                          aio_error on a finished request
//   micro suspend LENGTH                 aio_suspend with timeout zero on a list of which nothing is finished
//   micro call posix|raw KIND FILE MS    how long the submitting call itself takes; KIND is cached, direct, cold
//                                        (reads of 4 KiB, 4 KiB and 1 MiB) or extend (O_DIRECT writes past the end)
//   micro batch posix|raw FILE MS        lists of 32 reads, each submitted by one call and waited for as a whole
//   micro window posix|raw DEPTH FILE MS reads of 4 KiB, O_DIRECT: DEPTH in flight, each replaced as soon as it is found
//                                        to be finished
//   micro safe posix|raw DEPTH FILE MS   writes of 4 KiB, O_DIRECT, whose data is safe: with O_DSYNC, or by a loop that writes
//                                        DEPTH blocks, waits for all and calls fdatasync
//   micro urgent DEPTH FILE MS           reads of 4 KiB, O_DIRECT, one at a time, beside DEPTH with the lowest aio_reqprio
//   micro follow COUNT DIRECTORY MS      COUNT files are followed; a process writes to one of them 10,000 times a second
//   micro flight DEPTH FILE MS           CPU time of a request while DEPTH of them are in flight
//   micro cached FILE MS                 CPU time of a read of 4 KiB from the page cache, one at a time
//   micro idle COUNT FILE MS             reads of a file before, during and after COUNT reads on idle sockets
//   micro memory COUNT                   resident memory at the start, after a request, with COUNT in flight
//   micro start COUNT LIBRARY            how long /bin/true takes, with and without the library preloaded
//   micro life KIND FILE COUNT           how long a process lives that makes one request; KIND is cached, write (buffered) or direct
//   micro cpu PROCESS FILE               appends to the file the CPU time that a process has had, with all its threads

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <libaio.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 4096, LARGE = 1 << 20, BUFFERS = 32 };

static __attribute__((format(printf, 1, 2), noreturn)) void stop(const char *format, ...) {
    va_list arguments;
    fputs("micro: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    _exit(1); // not exit: requests may be in flight that nobody will ever finish
}

// The result object, member by member.
static const char *separator = "{";

static void report(const char *name, double value) {
    printf("%s\"%s\": %.10g", separator, name, value);
    separator = ", ";
}

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

// The CPU time of the process, with all its threads.
static int64_t cpu_time(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static long number(const char *text) {
    char *end;
    long value = strtol(text, &end, 10);
    if (*text == 0 || *end != 0 || value < 1 || value > 10000000) stop("'%s' is not a number from 1 to 10000000", text);
    return value;
}

static void *memory(size_t size) {
    void *block;
    if (posix_memalign(&block, BLOCK, size) != 0) stop("no memory for %zu bytes", size);
    memset(block, 0x5a, size);
    return block;
}

static int ascending(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

// The value that a share of the (sorted) values does not exceed.
static double percentile(const int64_t *sorted, long count, double share) {
    long index = (long)(share * (double)count);
    return (double)sorted[index < count ? index : count - 1];
}

static int open_file(const char *path, int flags, off_t *size) {
    int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd < 0) stop("cannot open %s: %s", path, strerror(errno));
    // The end, and not fstat: a block device has no size in its inode.
    off_t end = lseek(fd, 0, SEEK_END);
    if (size != NULL) {
        if (end < 2 * LARGE) stop("%s has only %lld bytes", path, (long long)end);
        *size = end;
    }
    return fd;
}

// The offset of the n-th block of so many bytes: scattered, and no block comes twice before all came once, where
// the number of blocks has no factor in common with the stride (a prime).
static off_t scattered(uint64_t n, off_t size, size_t bytes) {
    uint64_t blocks = (uint64_t)size / bytes;
    return (off_t)(n * 2654435761u % blocks * bytes);
}

// Where a run begins: elsewhere each time, as what the host of a virtual machine still has in its cache would favour
// the second of two runs. Small enough not to overflow in scattered().
static uint64_t anywhere(void) {
    return (uint64_t)now() >> 10 & 0xffffff;
}

static struct aiocb request(int fd, void *buffer, size_t bytes, off_t offset) {
    struct aiocb block = {.aio_fildes = fd, .aio_buf = buffer, .aio_nbytes = bytes, .aio_offset = offset};
    block.aio_lio_opcode = LIO_READ;
    block.aio_sigevent.sigev_notify = SIGEV_NONE;
    return block;
}

// Waits for a request and checks that it transferred all. 0 if a second was not enough.
static int finish(struct aiocb *block) {
    const struct aiocb *const list[] = {block};
    const struct timespec second = {1, 0};
    int error;
    while ((error = aio_error(block)) == EINPROGRESS) {
        if (aio_suspend(list, 1, &second) == 0 || errno == EINTR) continue;
        if (errno == EAGAIN) return 0;
        stop("aio_suspend: %s", strerror(errno));
    }
    if (error != 0) stop("a request failed: %s", strerror(error));
    ssize_t result = aio_return(block);
    if (result != (ssize_t)block->aio_nbytes) stop("%zd bytes instead of %zu", result, (size_t)block->aio_nbytes);
    return 1;
}

// So many idle sockets: nobody ever writes to either end of a pair.
static int *idle_sockets(long count) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < (rlim_t)count + 100) {
        limit.rlim_cur = (rlim_t)count + 100;
        if (limit.rlim_max < limit.rlim_cur) limit.rlim_max = limit.rlim_cur;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0) stop("%ld sockets are more than `ulimit -Hn` allows", count);
    }
    int *sockets = memory(sizeof(int) * ((size_t)count + 1));
    for (long i = 0; i < count; i += 2)
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, &sockets[i]) != 0)
            stop("socketpair: %s", strerror(errno));
    return sockets;
}

// One read in flight on each of so many idle sockets.
static struct aiocb *idle_reads(long count) {
    static char byte;
    const int *sockets = idle_sockets(count);
    struct aiocb *blocks = memory(sizeof(*blocks) * (size_t)count);
    for (long i = 0; i < count; i++) {
        blocks[i] = request(sockets[i], &byte, 1, 0);
        if (aio_read(&blocks[i]) != 0) stop("aio_read number %ld on a socket: %s", i + 1, strerror(errno));
    }
    return blocks;
}

// --- aio_error, aio_suspend

static void measure_error(void) {
    enum { ROUNDS = 15, CALLS = 200000 };
    FILE *file = tmpfile();
    char byte = 0;
    if (file == NULL) stop("no temporary file: %s", strerror(errno));
    struct aiocb block = request(fileno(file), &byte, 1, 0);
    if (aio_write(&block) != 0) stop("aio_write: %s", strerror(errno));
    while (aio_error(&block) == EINPROGRESS) continue;

    int64_t times[ROUNDS];
    int errors = 0;
    for (int round = 0; round < ROUNDS; round++) {
        int64_t began = now();
        for (int call = 0; call < CALLS; call++) errors |= aio_error(&block);
        times[round] = now() - began;
    }
    if (errors != 0) stop("aio_error: %d", errors);
    qsort(times, ROUNDS, sizeof(*times), ascending);
    report("ns", percentile(times, ROUNDS, 0.5) / CALLS);
}

static void measure_suspend(long length) {
    const struct timespec none = {0, 0};
    struct aiocb *blocks = idle_reads(length);
    const struct aiocb **list = memory(sizeof(*list) * (size_t)length);
    for (long i = 0; i < length; i++) list[i] = &blocks[i];

    // The median of calls (of groups of calls where one is too short for the clock).
    enum { MOST = 2000 };
    int64_t times[MOST], end = now() + 150000000;
    long group = length < 1000 ? 1000 / length : 1, count = 0;
    while (count < MOST && (count < 2 || now() < end)) {
        int64_t began = now();
        for (long call = 0; call < group; call++)
            if (aio_suspend(list, (int)length, &none) != -1 || errno != EAGAIN) stop("aio_suspend did not say EAGAIN");
        times[count++] = now() - began;
    }
    qsort(times, (size_t)count, sizeof(*times), ascending);
    double call = percentile(times, count, 0.5) / (double)group;
    report("call_ns", call);
    report("entry_ns", call / (double)length);
}

// --- How long the call blocks

static void wait_raw(io_context_t context, long count) {
    struct io_event events[BUFFERS];
    int got = io_getevents(context, count, count, events, NULL);
    if (got != count) stop("io_getevents: %s", strerror(-got));
    for (long i = 0; i < count; i++)
        if (events[i].res != events[i].obj->u.c.nbytes) stop("raw: %ld bytes", (long)events[i].res);
}

static io_context_t raw_context(void) {
    io_context_t context = NULL;
    int error = io_setup(BUFFERS, &context);
    if (error != 0) stop("io_setup: %s", strerror(-error));
    return context;
}

static void measure_call(int raw, const char *kind, const char *path, long milliseconds) {
    int cold = strcmp(kind, "cold") == 0, extend = strcmp(kind, "extend") == 0;
    int direct = extend || strcmp(kind, "direct") == 0;
    if (!cold && !direct && strcmp(kind, "cached") != 0) stop("'%s' is not cached, direct, cold or extend", kind);
    size_t bytes = cold || extend ? LARGE : BLOCK;
    off_t size = 0;
    int fd = extend ? open_file(path, O_RDWR | O_CREAT | O_TRUNC | O_DIRECT, NULL)
                    : open_file(path, O_RDONLY | (direct ? O_DIRECT : 0), &size);
    if (cold && posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0) stop("the cache cannot be dropped");
    // Else the kernel reads ahead what a later request finds in the cache.
    if (cold) posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
    void *buffer = memory(bytes);
    io_context_t context = raw ? raw_context() : NULL;

    // No block is cold twice, and the file of `extend` grows by a gigabyte at most.
    long most = cold ? size / (off_t)bytes : extend ? 1024 : 1000000, count = 0;
    int64_t *times = memory(sizeof(*times) * (size_t)most), deadline = now() + milliseconds * 1000000;
    uint64_t first = anywhere();
    while (count < most && now() < deadline) {
        off_t offset = extend ? count * LARGE : scattered(first + (uint64_t)count, size, bytes);
        struct aiocb block = request(fd, buffer, bytes, offset);
        struct iocb iocb, *list[] = {&iocb};
        if (extend) io_prep_pwrite(&iocb, fd, buffer, bytes, offset);
        else io_prep_pread(&iocb, fd, buffer, bytes, offset);

        int64_t began = now();
        int error = raw ? io_submit(context, 1, list) != 1 : extend ? aio_write(&block) : aio_read(&block);
        times[count++] = now() - began;
        if (error != 0) stop("submission failed: %s", strerror(errno));

        if (raw) wait_raw(context, 1);
        else if (!finish(&block)) stop("a request took more than a second");
    }
    qsort(times, (size_t)count, sizeof(*times), ascending);
    report("calls", (double)count);
    report("p50", percentile(times, count, 0.5));
    report("p99", percentile(times, count, 0.99));
    report("p999", percentile(times, count, 0.999));
}

// --- Lists, depth, idle sockets

static void measure_batch(int raw, const char *path, long milliseconds) {
    off_t size;
    int fd = open_file(path, O_RDONLY | O_DIRECT, &size);
    char *buffers = memory(BUFFERS * BLOCK);
    io_context_t context = raw ? raw_context() : NULL;
    struct aiocb blocks[BUFFERS], *list[BUFFERS];
    struct iocb iocbs[BUFFERS], *raw_list[BUFFERS];
    uint64_t next = anywhere();
    int64_t began = now(), cpu = cpu_time(), end = began + milliseconds * 1000000, ended;
    long count = 0;
    while ((ended = now()) < end) {
        for (int i = 0; i < BUFFERS; i++) {
            off_t offset = scattered(next++, size, BLOCK);
            if (raw) io_prep_pread(raw_list[i] = &iocbs[i], fd, buffers + i * BLOCK, BLOCK, offset);
            else *(list[i] = &blocks[i]) = request(fd, buffers + i * BLOCK, BLOCK, offset);
        }
        if (raw) {
            for (int done = 0; done < BUFFERS;) {
                int got = io_submit(context, BUFFERS - done, raw_list + done);
                if (got <= 0) stop("io_submit: %s", strerror(-got));
                done += got;
            }
            wait_raw(context, BUFFERS);
        } else {
            if (lio_listio(LIO_WAIT, list, BUFFERS, NULL) != 0) stop("lio_listio: %s", strerror(errno));
            for (int i = 0; i < BUFFERS; i++)
                if (aio_error(list[i]) != 0 || aio_return(list[i]) != BLOCK) stop("a request of the list failed");
        }
        count += BUFFERS;
    }
    report("iops", (double)count * 1e9 / (double)(ended - began));
    report("cpu_ns", (double)(cpu_time() - cpu) / (double)count);
}

// The loop of a program that was written for the interface: wait for one, take all that are finished, replace each.
static void measure_window(int raw, long depth, const char *path, long milliseconds) {
    off_t size;
    int fd = open_file(path, O_RDONLY | O_DIRECT, &size);
    char *buffers = memory(BLOCK * (size_t)depth);
    io_context_t context = NULL;
    if (raw && io_setup((int)depth, &context) != 0) stop("io_setup failed");
    struct aiocb *blocks = memory(sizeof(*blocks) * (size_t)depth);
    const struct aiocb **list = memory(sizeof(*list) * (size_t)depth);
    struct iocb *iocbs = memory(sizeof(*iocbs) * (size_t)depth);
    struct io_event *events = memory(sizeof(*events) * (size_t)depth);
    uint64_t next = anywhere();
    int64_t began = now(), cpu = cpu_time(), end = began + milliseconds * 1000000, ended;
    long count = 0, got = depth;
    for (long i = 0; i < depth; i++) {
        list[i] = &blocks[i];
        events[i].obj = &iocbs[i];
    }
    for (int first = 1; (ended = now()) < end; first = 0) {
        if (raw) {
            if (!first && (got = io_getevents(context, 1, depth, events, NULL)) < 1) stop("io_getevents failed");
            for (long i = 0; i < got; i++) {
                struct iocb *iocb = events[i].obj;
                if (!first && events[i].res != BLOCK) stop("raw: %ld bytes", (long)events[i].res);
                io_prep_pread(iocb, fd, buffers + (iocb - iocbs) * BLOCK, BLOCK, scattered(next++, size, BLOCK));
                if (io_submit(context, 1, &iocb) != 1) stop("io_submit failed");
            }
            count += first ? 0 : got;
            continue;
        }
        if (!first && aio_suspend(list, (int)depth, NULL) != 0) stop("aio_suspend: %s", strerror(errno));
        for (long i = 0; i < depth; i++) {
            int error = first ? 0 : aio_error(&blocks[i]);
            if (error == EINPROGRESS) continue;
            if (error != 0 || (!first && aio_return(&blocks[i]) != BLOCK)) stop("a read failed: %s", strerror(error));
            count += !first;
            blocks[i] = request(fd, buffers + i * BLOCK, BLOCK, scattered(next++, size, BLOCK));
            if (aio_read(&blocks[i]) != 0) stop("aio_read: %s", strerror(errno));
        }
    }
    report("iops", (double)count * 1e9 / (double)(ended - began));
    report("cpu_ns", (double)(cpu_time() - cpu) / (double)count);
}

struct window {
    int fd, depth;
    off_t size;
    char *buffers;
    struct aiocb *blocks;
    uint64_t next;
};

static struct window window(const char *path, long depth) {
    struct window it = {.depth = (int)depth, .next = anywhere()};
    it.fd = open_file(path, O_RDONLY | O_DIRECT, &it.size);
    // Many requests share a buffer, else a deep queue would pay for its memory, and not for its depth.
    it.buffers = memory(BUFFERS * BLOCK);
    it.blocks = memory(sizeof(*it.blocks) * (size_t)depth);
    return it;
}

static void submit(struct window *it, long index) {
    char *buffer = it->buffers + index % BUFFERS * BLOCK;
    it->blocks[index] = request(it->fd, buffer, BLOCK, scattered(it->next++, it->size, BLOCK));
    if (aio_read(&it->blocks[index]) != 0) stop("aio_read: %s", strerror(errno));
}

struct speed { double iops, cpu_ns; };

// Keeps a window of reads in flight: the oldest is waited for and replaced, until the time is over. Then waits for
// the rest if told to. An iops of 0: a second passed without progress.
static struct speed slide(struct window *it, long milliseconds, int drain) {
    struct speed speed = {0, 0};
    for (long i = 0; i < it->depth; i++) submit(it, i);
    int64_t began = now(), cpu = cpu_time(), end = began + milliseconds * 1000000;
    long count = 0;
    // The clock is read for every 16th request only.
    for (; count % 16 != 0 || now() < end; count++) {
        if (!finish(&it->blocks[count % it->depth])) return speed;
        submit(it, count % it->depth);
    }
    speed.iops = (double)count * 1e9 / (double)(now() - began);
    speed.cpu_ns = (double)(cpu_time() - cpu) / (double)count;
    for (long i = 0; drain && i < it->depth; i++)
        if (!finish(&it->blocks[(count + i) % it->depth])) return (struct speed){0, 0};
    return speed;
}

static void measure_flight(long depth, const char *path, long milliseconds) {
    struct window it = window(path, depth);
    struct speed speed = slide(&it, milliseconds, 0);
    if (speed.iops == 0) stop("no progress with %ld requests in flight", depth);
    report("iops", speed.iops);
    report("cpu_ns", speed.cpu_ns);
}

static void measure_cached(const char *path, long milliseconds) {
    off_t size = 0;
    int fd = open_file(path, O_RDONLY, &size);
    void *buffer = memory(BLOCK);
    uint64_t next = anywhere();
    int64_t began = now(), cpu = 0, end = began + milliseconds * 1000000;
    long count = 0;
    // The first ones start the library.
    for (; count % 16 != 0 || now() < end; count++) {
        if (count == 64) cpu = cpu_time();
        struct aiocb block = request(fd, buffer, BLOCK, scattered(next++, size, BLOCK));
        if (aio_read(&block) != 0 || !finish(&block)) stop("a read failed: %s", strerror(errno));
    }
    report("cpu_ns", (double)(cpu_time() - cpu) / (double)(count - 64));
}

static long threads(void) {
    FILE *status = fopen("/proc/self/status", "r");
    char line[256];
    long count = 0;
    while (status != NULL && fgets(line, sizeof(line), status) != NULL)
        if (sscanf(line, "Threads: %ld", &count) == 1) break;
    if (status != NULL) fclose(status);
    return count;
}

static void measure_idle(long count, const char *path, long milliseconds) {
    struct window it = window(path, 32);
    struct speed before = slide(&it, milliseconds, 1);
    if (before.iops == 0) stop("no progress");
    long threads_before = threads();
    struct aiocb *reads = idle_reads(count);
    long added = threads() - threads_before;
    struct speed during = slide(&it, milliseconds, 1);
    if (threads() - threads_before > added) added = threads() - threads_before;

    // What stands still now would do so for ever; what runs is compared with the mean of before and after.
    double without = before.iops;
    if (during.iops != 0) {
        for (long i = 0; i < count; i++)
            if (aio_cancel(reads[i].aio_fildes, &reads[i]) != AIO_CANCELED) stop("read %ld cannot be cancelled", i);
        without = (without + slide(&it, milliseconds, 1).iops) / 2;
    }
    report("threads_added", (double)added);
    report("iops_without", without);
    report("iops_with", during.iops);
    report("ratio", during.iops / without);
}

// --- Memory, start-up

static long resident_kib(void) {
    FILE *map = fopen("/proc/self/smaps_rollup", "r");
    char line[256];
    long size = 0;
    while (map != NULL && fgets(line, sizeof(line), map) != NULL)
        if (sscanf(line, "Rss: %ld kB", &size) == 1) break;
    if (map != NULL) fclose(map);
    if (size == 0) stop("no figure in /proc/self/smaps_rollup");
    return size;
}

static void measure_memory(long count) {
    // The first look touches what it needs itself.
    resident_kib();
    long start = resident_kib();
    char byte;
    int fd = open_file("/proc/self/exe", O_RDONLY, NULL);
    struct aiocb block = request(fd, &byte, 1, 0);
    if (aio_read(&block) != 0 || !finish(&block)) stop("aio_read: %s", strerror(errno));
    long first = resident_kib();
    idle_reads(count);
    long many = resident_kib();
    // The control blocks and the table of sockets are the caller's, and not counted.
    report("start_kib", (double)start);
    report("first_kib", (double)(first - start));
    report("many_bytes_each", (double)(many - first) * 1024 / (double)count - (double)(sizeof(block) + sizeof(int)));
}

static void measure_start(long count, const char *library) {
    char preload[4096];
    snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", library);
    char *arguments[] = {"/bin/true", NULL}, *with[] = {preload, NULL}, *without[] = {NULL};
    int64_t *times[2];
    for (int i = 0; i < 2; i++) times[i] = memory(sizeof(int64_t) * (size_t)count);
    for (long run = 0; run < 2 * count; run++) {
        // With, without, without, with, ...: none is always the second.
        int preloaded = (run + 1) / 2 % 2;
        int status;
        pid_t child;
        int64_t began = now();
        int error = posix_spawn(&child, arguments[0], NULL, NULL, arguments, preloaded ? with : without);
        if (error != 0) stop("cannot start /bin/true: %s", strerror(error));
        if (waitpid(child, &status, 0) != child || status != 0) stop("/bin/true failed");
        times[preloaded][run / 2] = now() - began;
    }
    double median[2];
    for (int i = 0; i < 2; i++) {
        qsort(times[i], (size_t)count, sizeof(int64_t), ascending);
        median[i] = percentile(times[i], count, 0.5);
    }
    report("without_ns", median[0]);
    report("with_ns", median[1]);
    report("more_ns", median[1] - median[0]);
}

static void measure_life(const char *kind, const char *path, long count) {
    int is_write = strcmp(kind, "write") == 0, is_direct = strcmp(kind, "direct") == 0;
    if (!is_write && !is_direct && strcmp(kind, "cached") != 0) stop("no such kind: %s", kind);
    int fd = open_file(path, is_write ? O_RDWR : is_direct ? O_RDONLY | O_DIRECT : O_RDONLY, NULL);
    char *buffer = memory(BLOCK);
    int64_t *times = memory(sizeof(int64_t) * (size_t)count);
    for (long run = 0; run < count; run++) {
        int status;
        int64_t began = now();
        pid_t child = fork();
        if (child < 0) stop("fork: %s", strerror(errno));
        if (child == 0) {
            struct aiocb block = request(fd, buffer, BLOCK, 0);
            _exit((is_write ? aio_write(&block) : aio_read(&block)) != 0 || !finish(&block));
        }
        if (waitpid(child, &status, 0) != child || status != 0) stop("the process failed");
        times[run] = now() - began;
    }
    qsort(times, (size_t)count, sizeof(int64_t), ascending);
    report("life_ns", percentile(times, count, 0.5));
}

static void measure_cpu(long process, const char *path) {
    clockid_t clock;
    struct timespec time;
    if (clock_getcpuclockid((pid_t)process, &clock) != 0 || clock_gettime(clock, &time) != 0)
        stop("process %ld has no clock", process);
    int fd = open_file(path, O_WRONLY | O_CREAT | O_APPEND, NULL);
    dprintf(fd, "%ld %lld\n", process, time.tv_sec * 1000000000LL + time.tv_nsec);
    _exit(0);
}

// A program that groups by hand, or writes with O_DSYNC.
static void measure_safe(int raw, long depth, const char *path, long milliseconds) {
    off_t size;
    int fd = open_file(path, O_RDWR | O_DIRECT | (raw ? 0 : O_DSYNC), &size);
    char *buffers = memory(BLOCK * (size_t)depth);
    io_context_t context = NULL;
    if (raw && io_setup((int)depth, &context) != 0) stop("io_setup failed");
    struct aiocb *blocks = memory(sizeof(*blocks) * (size_t)depth);
    const struct aiocb **list = memory(sizeof(*list) * (size_t)depth);
    struct iocb *iocbs = memory(sizeof(*iocbs) * (size_t)depth), **pointers = memory(sizeof(*pointers) * (size_t)depth);
    struct io_event *events = memory(sizeof(*events) * (size_t)depth);
    uint64_t next = anywhere();
    int64_t began = now(), end = began + milliseconds * 1000000, ended;
    long done = 0;
    for (int first = 1; (ended = now()) < end; first = 0) {
        if (raw) {
            for (long i = 0; i < depth; i++) {
                io_prep_pwrite(&iocbs[i], fd, buffers + i * BLOCK, BLOCK, scattered(next++, size, BLOCK));
                pointers[i] = &iocbs[i];
            }
            if (io_submit(context, depth, pointers) != depth) stop("io_submit failed");
            if (io_getevents(context, depth, depth, events, NULL) != depth) stop("io_getevents failed");
            for (long i = 0; i < depth; i++)
                if (events[i].res != BLOCK) stop("raw: %ld bytes", (long)events[i].res);
            if (fdatasync(fd) != 0) stop("fdatasync: %s", strerror(errno));
            done += depth;
            continue;
        }
        if (!first && aio_suspend(list, (int)depth, NULL) != 0) stop("aio_suspend: %s", strerror(errno));
        for (long i = 0; i < depth; i++) {
            list[i] = &blocks[i];
            int error = first ? 0 : aio_error(&blocks[i]);
            if (error == EINPROGRESS) continue;
            if (error != 0 || (!first && aio_return(&blocks[i]) != BLOCK)) stop("a write failed: %s", strerror(error));
            done += !first;
            blocks[i] = request(fd, buffers + i * BLOCK, BLOCK, scattered(next++, size, BLOCK));
            if (aio_write(&blocks[i]) != 0) stop("aio_write: %s", strerror(errno));
        }
    }
    report("iops", (double)done * 1e9 / (double)(ended - began));
}

static volatile int is_over;
static long low_done;

struct lows { int fd; off_t size; long depth; };

static void *read_low(void *argument) {
    struct lows *lows = argument;
    struct aiocb *blocks = memory(sizeof(*blocks) * (size_t)lows->depth);
    const struct aiocb **list = memory(sizeof(*list) * (size_t)lows->depth);
    char *buffers = memory(BLOCK * (size_t)lows->depth);
    uint64_t next = anywhere();
    for (int first = 1; !is_over; first = 0) {
        if (!first && aio_suspend(list, (int)lows->depth, NULL) != 0) stop("aio_suspend: %s", strerror(errno));
        for (long i = 0; i < lows->depth; i++) {
            list[i] = &blocks[i];
            int error = first ? 0 : aio_error(&blocks[i]);
            if (error == EINPROGRESS) continue;
            if (error != 0 || (!first && aio_return(&blocks[i]) != BLOCK)) stop("a read failed: %s", strerror(error));
            low_done += !first;
            blocks[i] = request(lows->fd, buffers + i * BLOCK, BLOCK, scattered(next++, lows->size, BLOCK));
            blocks[i].aio_reqprio = 20;
            if (aio_read(&blocks[i]) != 0) stop("aio_read: %s", strerror(errno));
        }
    }
    return NULL;
}

static void measure_urgent(long depth, const char *path, long milliseconds) {
    enum { most = 200000 };
    struct lows lows = {.depth = depth};
    lows.fd = open_file(path, O_RDONLY | O_DIRECT, &lows.size);
    int64_t *times = memory(most * sizeof(*times));
    char *buffer = memory(BLOCK);
    pthread_t thread;
    if (pthread_create(&thread, NULL, read_low, &lows) != 0) stop("no thread");
    // Half of the time goes by before it counts: a depth may have to be found.
    int64_t began = now(), half = began + milliseconds * 500000, end = began + milliseconds * 1000000;
    uint64_t next = anywhere() * 7;
    long count = 0, before = 0;
    int64_t counted = 0;
    while (now() < end && count < most) {
        struct aiocb block = request(lows.fd, buffer, BLOCK, scattered(next++, lows.size, BLOCK));
        int64_t start = now();
        if (aio_read(&block) != 0 || !finish(&block)) stop("a read failed");
        int64_t stopped = now();
        if (start >= half) {
            if (count == 0) before = low_done, counted = start;
            times[count++] = stopped - start;
        }
        usleep(500);
    }
    int64_t ended = now();
    is_over = 1;
    if (count == 0) stop("no read was complete");
    double low = (double)(low_done - before) * 1e9 / (double)(ended - counted);
    qsort(times, (size_t)count, sizeof(*times), ascending);
    report("p50_ns", percentile(times, count, 0.5));
    report("p99_ns", percentile(times, count, 0.99));
    report("iops", low);
}

static void measure_follow(long count, const char *directory, long milliseconds) {
    enum { most = 200000 };
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max < (rlim_t)count + 100 ? limit.rlim_max : (rlim_t)count + 100;
    setrlimit(RLIMIT_NOFILE, &limit);
    int *files = memory(sizeof(int) * (size_t)count);
    struct aiocb *blocks = memory(sizeof(*blocks) * (size_t)count);
    static int64_t stamps[1024];
    for (long i = 0; i < count; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/followed-XXXXXX", directory);
        files[i] = mkstemp(path);
        if (files[i] < 0) stop("%s: %s", path, strerror(errno));
        unlink(path);
    }
    for (long i = 1; i < count; i++) {
        blocks[i] = request(files[i], &stamps[1023], 8, 0);
        if (aio_read(&blocks[i]) != 0) stop("aio_read: %s", strerror(errno));
    }
    pid_t writer = fork();
    if (writer == 0) {
        for (int64_t due = now();; due += 100000) {
            while (now() < due) {
                struct timespec pause = {0, 10000};
                nanosleep(&pause, NULL);
            }
            int64_t stamp = now();
            if (write(files[0], &stamp, sizeof stamp) != sizeof stamp) _exit(1);
        }
    }
    int64_t *times = memory(most * sizeof(*times)), end = now() + milliseconds * 1000000;
    long taken = 0, waited = 0;
    off_t at = 0;
    while (now() < end && waited < most) {
        blocks[0] = request(files[0], stamps, 512 * sizeof *stamps, at);
        int64_t start = now();
        if (aio_read(&blocks[0]) != 0) stop("aio_read: %s", strerror(errno));
        const struct aiocb *list[] = {&blocks[0]};
        while (aio_error(&blocks[0]) == EINPROGRESS) aio_suspend(list, 1, NULL);
        int64_t done = now();
        ssize_t bytes = aio_return(&blocks[0]);
        if (bytes <= 0) stop("a read that waits gave %zd", bytes);
        at += bytes;
        taken += bytes / 8;
        // What was there before it began did not wake it.
        if (stamps[0] > start) times[waited++] = done - stamps[0];
    }
    kill(writer, SIGKILL);
    if (waited == 0) stop("no read waited");
    qsort(times, (size_t)waited, sizeof(*times), ascending);
    report("p50_ns", percentile(times, waited, 0.5));
    report("p99_ns", percentile(times, waited, 0.99));
    report("writes", (double)taken * 1000 / (double)milliseconds);
    report("waits", (double)waited * 1000 / (double)milliseconds);
}

int main(int count, char **words) {
    const char *measure = count > 1 ? words[1] : "";
    int raw = count > 2 && strcmp(words[2], "raw") == 0;
    if (strcmp(measure, "error") == 0 && count == 2) measure_error();
    else if (strcmp(measure, "suspend") == 0 && count == 3) measure_suspend(number(words[2]));
    else if (strcmp(measure, "call") == 0 && count == 6) measure_call(raw, words[3], words[4], number(words[5]));
    else if (strcmp(measure, "batch") == 0 && count == 5) measure_batch(raw, words[3], number(words[4]));
    else if (strcmp(measure, "window") == 0 && count == 6)
        measure_window(raw, number(words[3]), words[4], number(words[5]));
    else if (strcmp(measure, "safe") == 0 && count == 6)
        measure_safe(raw, number(words[3]), words[4], number(words[5]));
    else if (strcmp(measure, "urgent") == 0 && count == 5) measure_urgent(number(words[2]), words[3], number(words[4]));
    else if (strcmp(measure, "follow") == 0 && count == 5) measure_follow(number(words[2]), words[3], number(words[4]));
    else if (strcmp(measure, "flight") == 0 && count == 5) measure_flight(number(words[2]), words[3], number(words[4]));
    else if (strcmp(measure, "cached") == 0 && count == 4) measure_cached(words[2], number(words[3]));
    else if (strcmp(measure, "idle") == 0 && count == 5) measure_idle(number(words[2]), words[3], number(words[4]));
    else if (strcmp(measure, "memory") == 0 && count == 3) measure_memory(number(words[2]));
    else if (strcmp(measure, "start") == 0 && count == 4) measure_start(number(words[2]), words[3]);
    else if (strcmp(measure, "life") == 0 && count == 5) measure_life(words[2], words[3], number(words[4]));
    else if (strcmp(measure, "cpu") == 0 && count == 4) measure_cpu(number(words[2]), words[3]);
    else stop("no such measure; the head of micro.c lists them");
    puts("}");
    fflush(stdout);
    _exit(0);
}
