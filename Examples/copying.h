// What the two copying examples have in common: all but how they wait. A file is copied by a window of requests, each
// of which reads a block, then writes it, then takes the next.
//
// The copy is written under another name beside the target, synchronized, and renamed: the target is never a part of
// the source. After an error or a signal the requests in flight are cancelled or waited for, since buffers must not be
// freed under them, and what was written is removed.
//
// A program that includes this says with `prepare_to_wait`, `announce` and `wait_for_some` how it hears of completions.
#ifndef COPYING_H
#define COPYING_H

#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { alignment = 4096 };  // of buffers, offsets and lengths, for O_DIRECT

enum state { IDLE, READING, WRITING, SYNCHRONIZING };

struct slot {
    struct aiocb control;
    enum state state;
    int is_held;    // the system had no room for it: to be submitted again
    char *block;
    off_t offset;   // of the block
    size_t filled;  // bytes read
    size_t done;    // bytes written
};

static struct {
    const char *source_name, *target_name;
    char *part_name;  // NULL as long as there is nothing to remove
    int source, target;
    int is_direct;
    size_t block_size;
    int window;
    struct slot *slots;
    int in_flight;
    off_t next;       // where the next block begins
    off_t size;       // of what was read so far
    int is_read;      // the end was seen
    int is_given_up;
} copy = {.block_size = 256 << 10, .window = 16};

static volatile sig_atomic_t signal_seen;

// Of the program: called once; for each request before it is submitted; and when there is nothing to do but wait, which
// ends with a completion or a signal.
static void prepare_to_wait(void);
static void announce(struct aiocb *control);
static void wait_for_some(void);

static void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void complain(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("copy: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

// No more is begun; what is in flight ends as it may.
static void give_up(void) {
    copy.is_given_up = 1;
    aio_cancel(copy.source, NULL);
    aio_cancel(copy.target, NULL);
}

static void fail(const char *name, const char *what, int error) {
    // The first reason is the one to tell.
    if (copy.is_given_up) return;
    complain("%s: %s: %s", name, what, strerror(error));
    give_up();
}

// Whole blocks for O_DIRECT: what is too much at the end is cut off when all is written.
static size_t padded(size_t length) {
    return copy.is_direct ? (length + alignment - 1) / alignment * alignment : length;
}

static int submit_once(struct slot *slot) {
    struct aiocb *control = &slot->control;
    size_t begin = slot->state == READING ? slot->filled : slot->done;
    size_t end = slot->state == READING ? copy.block_size : padded(slot->filled);
    memset(control, 0, sizeof *control);
    control->aio_sigevent.sigev_notify = SIGEV_NONE;
    control->aio_fildes = slot->state == READING ? copy.source : copy.target;
    control->aio_buf = slot->block + begin;
    control->aio_nbytes = end - begin;
    control->aio_offset = slot->offset + (off_t)begin;
    announce(control);
    switch (slot->state) {
    case READING: return aio_read(control);
    case WRITING: return aio_write(control);
    default: return aio_fsync(O_SYNC, control);
    }
}

static void submit(struct slot *slot) {
    slot->is_held = 0;
    if (copy.is_given_up) {
        slot->state = IDLE;
    } else if (submit_once(slot) == 0) {
        copy.in_flight++;
    } else if (errno == EAGAIN) {
        slot->is_held = 1;
    } else {
        fail(slot->state == READING ? copy.source_name : copy.target_name, "can't be submitted", errno);
        slot->state = IDLE;
    }
}

static void read_next(struct slot *slot) {
    slot->state = IDLE;
    if (copy.is_read || copy.is_given_up) return;
    slot->state = READING;
    slot->offset = copy.next;
    slot->filled = slot->done = 0;
    copy.next += (off_t)copy.block_size;
    submit(slot);
}

static void write_block(struct slot *slot) {
    if (slot->filled == 0) {
        read_next(slot);
        return;
    }
    off_t end = slot->offset + (off_t)slot->filled;
    if (end > copy.size) copy.size = end;
    memset(slot->block + slot->filled, 0, padded(slot->filled) - slot->filled);
    slot->state = WRITING;
    submit(slot);
}

static void was_read(struct slot *slot, size_t count) {
    slot->filled += count;
    // A read may be short before the end too. O_DIRECT could not go on at an odd offset; there, it is the end.
    if (count == 0 || (copy.is_direct && slot->filled % alignment != 0)) copy.is_read = 1;
    else if (slot->filled < copy.block_size) {
        submit(slot);
        return;
    }
    write_block(slot);
}

static void was_written(struct slot *slot, size_t count) {
    slot->done += count;
    if (count == 0) fail(copy.target_name, "write", EIO);
    else if (slot->done < slot->filled) submit(slot);
    else read_next(slot);
}

// The request is complete.
static void advance(struct slot *slot, int error) {
    copy.in_flight--;
    ssize_t count = aio_return(&slot->control);
    if (copy.is_given_up) {
        slot->state = IDLE;
    } else if (error == EINTR || error == EAGAIN) {
        submit(slot);
    } else if (error != 0) {
        fail(slot->state == READING ? copy.source_name : copy.target_name,
             slot->state == READING ? "read" : slot->state == WRITING ? "write" : "fsync", error);
        slot->state = IDLE;
    } else if (slot->state == READING) {
        was_read(slot, (size_t)count);
    } else if (slot->state == WRITING) {
        was_written(slot, (size_t)count);
    } else {
        slot->state = IDLE;
    }
}

// Until no request is in flight or held.
static void run(void) {
    for (;;) {
        int held = 0;
        for (int i = 0; i < copy.window; i++) {
            struct slot *slot = &copy.slots[i];
            if (slot->is_held) submit(slot);
            held += slot->is_held;
        }
        if (copy.in_flight > 0) wait_for_some();
        else if (held > 0) nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        else return;
        if (signal_seen && !copy.is_given_up) give_up();
        for (int i = 0; i < copy.window; i++) {
            struct slot *slot = &copy.slots[i];
            if (slot->state == IDLE || slot->is_held) continue;
            int error = aio_error(&slot->control);
            if (error != EINPROGRESS) advance(slot, error);
        }
    }
}

static int open_both(void) {
    struct stat status;
    int flags = O_CLOEXEC | (copy.is_direct ? O_DIRECT : 0);
    if ((copy.source = open(copy.source_name, O_RDONLY | flags)) < 0 || fstat(copy.source, &status) != 0)
        return complain("%s: %s", copy.source_name, strerror(errno)), -1;
    if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))
        return complain("%s: neither a file nor a block device", copy.source_name), -1;
    mode_t mode = status.st_mode & 0777;
    if (stat(copy.target_name, &status) == 0 && !S_ISREG(status.st_mode))
        return complain("%s: is there, and is no regular file", copy.target_name), -1;
    char *name;
    if (asprintf(&name, "%s.XXXXXX", copy.target_name) < 0) return complain("%s", strerror(errno)), -1;
    if ((copy.target = mkostemp(name, flags)) < 0) {
        complain("%s: %s", copy.target_name, strerror(errno));
        free(name);
        return -1;
    }
    copy.part_name = name;
    if (fchmod(copy.target, mode) != 0) return complain("%s: fchmod: %s", name, strerror(errno)), -1;
    return 0;
}

static int make_slots(void) {
    copy.slots = calloc((size_t)copy.window, sizeof *copy.slots);
    for (int i = 0; copy.slots && i < copy.window; i++)
        if (!(copy.slots[i].block = aligned_alloc(alignment, copy.block_size)))
            return complain("no memory for %d blocks of %zu bytes", copy.window, copy.block_size), -1;
    return copy.slots ? 0 : -1;
}

static void copy_blocks(void) {
    for (int i = 0; i < copy.window; i++) read_next(&copy.slots[i]);
    run();
    if (copy.is_given_up) return;
    if (ftruncate(copy.target, copy.size) != 0) {
        fail(copy.target_name, "ftruncate", errno);
        return;
    }
    copy.slots[0].state = SYNCHRONIZING;
    submit(&copy.slots[0]);
    run();
}

static int finish(void) {
    if (copy.is_given_up) return -1;
    // Some file systems tell of a failed write here.
    if (close(copy.target) != 0) return complain("%s: close: %s", copy.target_name, strerror(errno)), -1;
    if (rename(copy.part_name, copy.target_name) != 0)
        return complain("%s: rename: %s", copy.target_name, strerror(errno)), -1;
    free(copy.part_name);
    copy.part_name = NULL;
    return 0;
}

static long number_of(const char *text, long most) {
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (*end == 'k') number *= 1024, end++;
    else if (*end == 'M') number *= 1048576, end++;
    return errno == 0 && end > text && *end == 0 && number > 0 && number <= most ? number : -1;
}

static int read_arguments(int count, char **arguments) {
    int option;
    while ((option = getopt(count, arguments, "db:n:")) != -1) {
        if (option == 'd') {
            copy.is_direct = 1;
        } else if (option == 'b') {
            long size = number_of(optarg, 1 << 30);
            if (size < 0 || size % alignment != 0)
                return complain("-b %s: not a multiple of 4k up to 1024M", optarg), -1;
            copy.block_size = (size_t)size;
        } else if (option == 'n') {
            long window = number_of(optarg, 4096);
            if (window < 0) return complain("-n %s: not a number from 1 to 4096", optarg), -1;
            copy.window = (int)window;
        } else {
            return -1;
        }
    }
    if (count - optind != 2) return -1;
    copy.source_name = arguments[optind];
    copy.target_name = arguments[optind + 1];
    return 0;
}

int main(int count, char **arguments) {
    if (read_arguments(count, arguments) != 0) {
        fprintf(stderr, "usage: %s [-d] [-b BLOCK] [-n REQUESTS] SOURCE TARGET\n"
                        "  -d   O_DIRECT: past the page cache\n"
                        "  -b   bytes in a block, such as 64k or 1M; 256k as a rule\n"
                        "  -n   requests in flight, at most; 16 as a rule\n", arguments[0]);
        return 2;
    }
    prepare_to_wait();
    int result = -1;
    if (open_both() == 0 && make_slots() == 0) {
        copy_blocks();
        result = finish();
    }
    if (copy.part_name) unlink(copy.part_name);
    if (signal_seen && result != 0) {
        // To end as one whom the signal has ended, so that a shell stops too.
        signal(signal_seen, SIG_DFL);
        sigset_t all;
        sigemptyset(&all);
        sigprocmask(SIG_SETMASK, &all, NULL);
        raise(signal_seen);
    }
    return result == 0 ? 0 : 1;
}

#endif
