// The loops that `bench bufio` measures: one workload each run, and one JSON object with what it found, in nanoseconds.
// `posix` means the functions of <aio.h> of whichever library the process has, `raw` the kernel's calls through libaio.
//
//   bufio hit FILE MS               aio_read of 4 KiB, one at a time, in the first MiB; FILE with a leading + is opened with O_DIRECT
//   bufio skew posix|raw FILE MS    O_DIRECT reads of 4 KiB, 32 in flight: 90 of 100 in a tenth of the file
//   bufio miss posix|raw FILE MS    the same, no block twice
//   bufio write posix|raw FILE      16384 random O_DIRECT writes of 4 KiB in 64 MiB, 32 in flight, and a sync
//   bufio evict FILE BLOCKS         a miss in a cache that is full: reads over BLOCKS + 10 % blocks, then their median
//   bufio memory FILE MIB           resident memory after reads all over a file of 1 TiB, made sparse
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <libaio.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 4096, DEPTH = 32 };

static _Noreturn void stop(const char *what) {
    fprintf(stderr, "bufio: %s: %s\n", what, strerror(errno));
    _exit(1);
}

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static uint64_t seed = 7;
static uint64_t number(uint64_t below) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % below;
}

static int file;
static off_t blocks;
static char *buffers;

static void open_file(const char *path, int flags) {
    file = open(path + (*path == '+'), flags | (*path == '+' ? O_DIRECT : 0));
    struct stat status;
    if (file < 0 || fstat(file, &status)) stop(path);
    blocks = status.st_size / BLOCK;
    if (posix_memalign((void **)&buffers, BLOCK, (size_t)DEPTH * BLOCK)) stop("memory");
    memset(buffers, 1, (size_t)DEPTH * BLOCK);
}

static void read_one(off_t block) {
    static struct aiocb control;
    memset(&control, 0, sizeof control);
    control.aio_fildes = file;
    control.aio_buf = buffers;
    control.aio_nbytes = BLOCK;
    control.aio_offset = block * BLOCK;
    if (aio_read(&control)) stop("aio_read");
    const struct aiocb *const list[] = {&control};
    while (aio_error(&control) == EINPROGRESS) aio_suspend(list, 1, NULL);
    if (aio_return(&control) != BLOCK) stop("a short read");
}

// --- 32 in flight, each replaced when it is done

static struct aiocb controls[DEPTH];
static struct iocb raw_controls[DEPTH], *raw_list[1];
static io_context_t context;

// Begins the request number i; false if there is no other.
typedef int begin(int i, struct aiocb *posix, struct iocb *raw);

static void submit_raw(struct iocb *one) {
    raw_list[0] = one;
    if (io_submit(context, 1, raw_list) != 1) stop("io_submit");
}

static long window(int is_raw, begin *begin_one) {
    long done = 0;
    int flying = 0, isActive[DEPTH];
    if (is_raw && io_setup(256, &context)) stop("io_setup");
    for (int i = 0; i < DEPTH; i++) {
        isActive[i] = begin_one(i, &controls[i], &raw_controls[i]);
        flying += isActive[i];
    }
    while (flying) {
        if (is_raw) {
            struct io_event events[DEPTH];
            int count = io_getevents(context, 1, DEPTH, events, NULL);
            if (count < 1) stop("io_getevents");
            for (int n = 0; n < count; n++) {
                if ((long)events[n].res != BLOCK) stop("a short transfer");
                int i = (int)(events[n].obj - raw_controls);
                done++;
                flying -= !begin_one(i, &controls[i], &raw_controls[i]);
            }
        } else {
            const struct aiocb *list[DEPTH];
            for (int i = 0; i < DEPTH; i++) list[i] = isActive[i] ? &controls[i] : NULL;
            aio_suspend(list, DEPTH, NULL);
            for (int i = 0; i < DEPTH; i++) {
                if (!isActive[i] || aio_error(&controls[i]) == EINPROGRESS) continue;
                if (aio_return(&controls[i]) != BLOCK) stop("a short transfer");
                done++;
                isActive[i] = begin_one(i, &controls[i], &raw_controls[i]);
                flying -= !isActive[i];
            }
        }
    }
    return done;
}

static int is_raw, is_skewed;
static int64_t deadline;
static off_t *order, next_in_order;

static int begin_transfer(int i, struct aiocb *posix, struct iocb *raw, off_t block, int is_write) {
    char *buffer = buffers + (size_t)i * BLOCK;
    if (is_raw) {
        if (is_write) io_prep_pwrite(raw, file, buffer, BLOCK, block * BLOCK);
        else io_prep_pread(raw, file, buffer, BLOCK, block * BLOCK);
        submit_raw(raw);
        return 1;
    }
    memset(posix, 0, sizeof *posix);
    posix->aio_fildes = file;
    posix->aio_buf = buffer;
    posix->aio_nbytes = BLOCK;
    posix->aio_offset = block * BLOCK;
    if (is_write ? aio_write(posix) : aio_read(posix)) stop("submission");
    return 1;
}

static int begin_read(int i, struct aiocb *posix, struct iocb *raw) {
    if (now() >= deadline) return 0;
    off_t block;
    if (is_skewed) {
        block = (off_t)(number(100) < 90 ? number((uint64_t)blocks / 10) : number((uint64_t)blocks));
    } else {
        if (next_in_order == blocks) return 0;
        block = order[next_in_order++];
    }
    return begin_transfer(i, posix, raw, block, 0);
}

static long left;
static int begin_write(int i, struct aiocb *posix, struct iocb *raw) {
    if (left-- <= 0) return 0;
    return begin_transfer(i, posix, raw, (off_t)number(16384), 1);
}

static void shuffle(void) {
    order = malloc((size_t)blocks * sizeof *order);
    for (off_t i = 0; i < blocks; i++) order[i] = i;
    for (off_t i = blocks - 1; i > 0; i--) {
        off_t j = (off_t)number((uint64_t)i + 1), swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
}

static int compare(const void *a, const void *b) {
    int64_t left_value = *(const int64_t *)a, right_value = *(const int64_t *)b;
    return (left_value > right_value) - (left_value < right_value);
}

static long resident(void) {
    FILE *status = fopen("/proc/self/statm", "r");
    long size = 0, pages = 0;
    if (!status || fscanf(status, "%ld %ld", &size, &pages) != 2) stop("statm");
    fclose(status);
    return pages * sysconf(_SC_PAGESIZE);
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    const char *what = argv[1];
    int64_t began;
    if (strcmp(what, "hit") == 0) {
        open_file(argv[2], O_RDONLY);
        for (int i = 0; i < 256; i++) read_one(i);
        int64_t time = atol(argv[3]) * 1000000LL;
        long count = 0;
        began = now();
        while (now() - began < time) {
            for (int i = 0; i < 256; i++) read_one((off_t)number(256));
            count += 256;
        }
        printf("{\"ns\": %.10g}\n", (double)(now() - began) / (double)count);
    } else if (strcmp(what, "skew") == 0 || strcmp(what, "miss") == 0) {
        is_skewed = *what == 's';
        is_raw = strcmp(argv[2], "raw") == 0;
        char path[4096];
        snprintf(path, sizeof path, "+%s", argv[3]);
        open_file(path, O_RDONLY);
        if (!is_skewed) shuffle();
        // A cache is filled first.
        if (is_skewed && !is_raw) {
            for (off_t i = 0; i < blocks / 10; i++) read_one(i);
        }
        began = now();
        deadline = began + atol(argv[4]) * 1000000LL;
        long count = window(is_raw, begin_read);
        printf("{\"ns\": %.10g}\n", (double)(now() - began) / (double)count);
    } else if (strcmp(what, "write") == 0) {
        is_raw = strcmp(argv[2], "raw") == 0;
        char path[4096];
        snprintf(path, sizeof path, "+%s", argv[3]);
        open_file(path, O_RDWR);
        left = 16384;
        began = now();
        window(is_raw, begin_write);
        if (is_raw) {
            if (fsync(file)) stop("fsync");
        } else {
            struct aiocb control = {.aio_fildes = file};
            if (aio_fsync(O_SYNC, &control)) stop("aio_fsync");
            const struct aiocb *const list[] = {&control};
            while (aio_error(&control) == EINPROGRESS) aio_suspend(list, 1, NULL);
            if (aio_return(&control)) stop("aio_fsync");
        }
        printf("{\"ns\": %.10g}\n", (double)(now() - began));
    } else if (strcmp(what, "evict") == 0) {
        char path[4096];
        snprintf(path, sizeof path, "+%s", argv[2]);
        open_file(path, O_RDONLY);
        off_t count = atol(argv[3]);
        for (off_t i = 0; i < count; i++) read_one(i % blocks);
        enum { times = 4001 };
        static int64_t took[times];
        for (int i = 0; i < times; i++) {
            began = now();
            read_one((count + i) % blocks);
            took[i] = now() - began;
        }
        qsort(took, times, sizeof *took, compare);
        printf("{\"ns\": %.10g}\n", (double)took[times / 2]);
    } else if (strcmp(what, "memory") == 0) {
        char path[4096];
        snprintf(path, sizeof path, "+%s", argv[2]);
        open_file(path, O_RDONLY);
        read_one(0);
        long before = resident();
        for (long i = 0; i < 2 * atol(argv[3]) * 256; i++) read_one((off_t)number((uint64_t)blocks));
        printf("{\"bytes\": %ld}\n", resident() - before);
    } else {
        return 2;
    }
    return 0;
}
