// What every conformance program shares: checks that name what failed, clocks, scratch files and
// data that can be verified byte for byte. A program exits 0 only if all that it states holds.
//
// Header-only, so that a test is one file: cc -std=gnu11 -O2 -pthread name.c

#ifndef KAIO_TESTS_CHECK_H
#define KAIO_TESTS_CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))

// Defined by a program that the C library's own AIO may not survive: it does not begin there. The head of such a program
// has "compare: no", so that --compare leaves it out.
#ifdef NEEDS_KAIO
extern const char *kaio_version(void) __attribute__((weak));
__attribute__((constructor)) static void needs_kaio(void) {
    if (kaio_version) return;
    fputs("this program needs kaio; the C library's AIO would not survive it\n", stderr);
    _exit(2);
}
#endif

static UNUSED void failed(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4), noreturn));

// Another, where a test reads what comes to stderr.
static UNUSED int failures_to = STDERR_FILENO;

static UNUSED void failed(const char *file, int line, const char *format, ...) {
    va_list arguments;
    fflush(NULL);
    dprintf(failures_to, "%s:%d: ", file, line);
    va_start(arguments, format);
    vdprintf(failures_to, format, arguments);
    va_end(arguments);
    dprintf(failures_to, "\n");
    _exit(1);
}

// Stops the program with a message unless the condition holds.
#define CHECK(condition)                                                                     \
    do {                                                                                     \
        if (!(condition)) failed(__FILE__, __LINE__, "does not hold: %s", #condition);       \
    } while (0)

// Stops the program unless two integers are equal, and names both.
#define EQUAL(actual, expected)                                                              \
    do {                                                                                     \
        long long actual_ = (long long)(actual), expected_ = (long long)(expected);          \
        if (actual_ != expected_)                                                            \
            failed(__FILE__, __LINE__, "%s is %lld, expected %s (%lld)", #actual, actual_,   \
                   #expected, expected_);                                                    \
    } while (0)

// The call must return -1 with this errno.
#define FAILS(call, error)                                                                   \
    do {                                                                                     \
        errno = 0;                                                                           \
        long long result_ = (long long)(call);                                               \
        int errno_ = errno;                                                                  \
        if (result_ != -1 || errno_ != (error))                                              \
            failed(__FILE__, __LINE__, "%s is %lld with errno %d (%s), expected -1 with %s", \
                   #call, result_, errno_, strerror(errno_), #error);                        \
    } while (0)

// The call must return 0; names errno if it does not.
#define OK(call)                                                                             \
    do {                                                                                     \
        errno = 0;                                                                           \
        long long result_ = (long long)(call);                                               \
        if (result_ != 0)                                                                    \
            failed(__FILE__, __LINE__, "%s is %lld with errno %d (%s), expected 0", #call,   \
                   result_, errno, strerror(errno));                                         \
    } while (0)

// Seconds on CLOCK_MONOTONIC.
static UNUSED double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static UNUSED void sleep_for(double seconds) {
    struct timespec time = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    while (nanosleep(&time, &time) != 0 && errno == EINTR) {}
}

// A new, empty file that has no name any more, so that nothing is left behind. It lies in
// CHECK_DIRECTORY (the runner sets it to a directory of the test's own), else in the current one.
// flags are added to O_RDWR: O_DIRECT, O_APPEND, O_SYNC, ...
static UNUSED int scratch_file(int flags) {
    const char *directory = getenv("CHECK_DIRECTORY");
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/scratch-XXXXXX", directory ? directory : ".");
    int descriptor = mkostemp(path, flags | O_CLOEXEC);
    if (descriptor < 0) failed(__FILE__, __LINE__, "%s: %s", path, strerror(errno));
    unlink(path);
    return descriptor;
}

// Memory that O_DIRECT takes; zeroed.
static UNUSED void *aligned_buffer(size_t size) {
    void *buffer = NULL;
    if (posix_memalign(&buffer, 4096, size ? size : 1) != 0)
        failed(__FILE__, __LINE__, "no memory for %zu bytes", size);
    memset(buffer, 0, size);
    return buffer;
}

// The byte that stands at an offset of a stream named by seed: any shift or mix-up shows.
static UNUSED unsigned char pattern_byte(uint64_t seed, uint64_t offset) {
    uint64_t x = (offset / 8 + 1) * 0x9e3779b97f4a7c15ull ^ (seed + 1) * 0xbf58476d1ce4e5b9ull;
    x ^= x >> 31;
    x *= 0x94d049bb133111ebull;
    x ^= x >> 29;
    return (unsigned char)(x >> (offset % 8 * 8));
}

static UNUSED void fill(void *buffer, size_t size, uint64_t seed, uint64_t offset) {
    unsigned char *bytes = buffer;
    for (size_t i = 0; i < size; i++) bytes[i] = pattern_byte(seed, offset + i);
}

// Every byte must be what fill() put there.
static UNUSED void verify_at(const char *file, int line, const void *buffer, size_t size,
                             uint64_t seed, uint64_t offset) {
    const unsigned char *bytes = buffer;
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != pattern_byte(seed, offset + i))
            failed(file, line, "byte %zu of %zu is %02x, expected %02x (offset %llu of stream %llu)",
                   i, size, bytes[i], pattern_byte(seed, offset + i),
                   (unsigned long long)(offset + i), (unsigned long long)seed);
}
#define VERIFY(buffer, size, seed, offset) \
    verify_at(__FILE__, __LINE__, (buffer), (size), (seed), (offset))

// Writes size bytes of a stream at an offset of a file with plain pwrite.
static UNUSED void write_pattern(int descriptor, size_t size, uint64_t seed, off_t offset) {
    size_t step = 1 << 20, done = 0;
    unsigned char *buffer = aligned_buffer(step);
    while (done < size) {
        size_t count = size - done < step ? size - done : step;
        fill(buffer, count, seed, (uint64_t)offset + done);
        ssize_t written = pwrite(descriptor, buffer, count, offset + (off_t)done);
        if (written <= 0) failed(__FILE__, __LINE__, "pwrite: %s", strerror(errno));
        done += (size_t)written;
    }
    free(buffer);
}

// A request that notifies nobody.
static UNUSED struct aiocb request(int descriptor, void *buffer, size_t size, off_t offset) {
    struct aiocb control;
    memset(&control, 0, sizeof control);
    control.aio_fildes = descriptor;
    control.aio_buf = buffer;
    control.aio_nbytes = size;
    control.aio_offset = offset;
    control.aio_sigevent.sigev_notify = SIGEV_NONE;
    return control;
}

// How many times slower this machine is than those that limits were made for: an emulated one says so.
static UNUSED double times_slower(void) {
    const char *times = getenv("CHECK_SLOWER");
    return times ? atof(times) : 1;
}

// Waits until a request is done, at most `seconds`; returns aio_error's last answer.
static UNUSED int wait_for(struct aiocb *control, double seconds) {
    double end = now() + seconds * times_slower();
    int error;
    while ((error = aio_error(control)) == EINPROGRESS && now() < end) {
        const struct aiocb *list[1] = {control};
        struct timespec slice = {0, 50 * 1000 * 1000};
        aio_suspend(list, 1, &slice);
    }
    return error;
}

// Waits for a request and returns what aio_return gives; the request must succeed within 10 s.
static UNUSED ssize_t finish_at(const char *file, int line, struct aiocb *control) {
    int error = wait_for(control, 10);
    if (error != 0) failed(file, line, "aio_error is %d (%s), expected 0", error, strerror(error));
    return aio_return(control);
}
#define FINISH(control) finish_at(__FILE__, __LINE__, (control))

// Waits for a request that must fail with this error; aio_return must give -1.
#define FINISHES_WITH(control, error)                 \
    do {                                              \
        EQUAL(wait_for((control), 10), (error));      \
        EQUAL(aio_return((control)), -1);             \
    } while (0)

// How many entries a directory such as /proc/self/fd or /proc/self/task has.
#include <dirent.h>
static UNUSED int count_entries(const char *path) {
    DIR *directory = opendir(path);
    if (!directory) failed(__FILE__, __LINE__, "%s: %s", path, strerror(errno));
    int count = 0;
    for (struct dirent *entry; (entry = readdir(directory));) count += entry->d_name[0] != '.';
    closedir(directory);
    return count - (strstr(path, "/fd") != NULL);
}

static UNUSED int count_threads(void) { return count_entries("/proc/self/task"); }

// Those whose names begin so.
static UNUSED int count_threads_named(const char *beginning) {
    int found = 0;
    DIR *threads = opendir("/proc/self/task");
    CHECK(threads != NULL);
    for (struct dirent *entry; (entry = readdir(threads));) {
        char path[300], name[32] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", entry->d_name);
        FILE *comm = fopen(path, "re");
        if (!comm) continue;
        if (fgets(name, sizeof name, comm)) found += strncmp(name, beginning, strlen(beginning)) == 0;
        fclose(comm);
    }
    closedir(threads);
    return found;
}
static UNUSED int count_descriptors(void) { return count_entries("/proc/self/fd"); }

// Nanoseconds on CLOCK_MONOTONIC: whole numbers, for "never early".
static UNUSED int64_t nanoseconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static UNUSED struct timespec interval(int64_t nanoseconds) {
    return (struct timespec){nanoseconds / 1000000000, nanoseconds % 1000000000};
}

// aio_suspend, timed: stores the nanoseconds that it took and says on stdout what it gave. Leaves errno.
static UNUSED int timed_suspend(const struct aiocb *const list[], int count, const struct timespec *timeout,
                                int64_t *took) {
    errno = 0;
    int64_t start = nanoseconds();
    int result = aio_suspend(list, count, timeout);
    int error = errno;
    *took = nanoseconds() - start;
    printf("aio_suspend: %s after %.6f s\n", result == 0 ? "0" : strerror(error), (double)*took / 1e9);
    errno = error;
    return result;
}

static UNUSED void open_pipe(int ends[2]) {
    if (pipe2(ends, O_CLOEXEC) != 0) failed(__FILE__, __LINE__, "pipe2: %s", strerror(errno));
}

// The library still does what it is asked: a block written and read back through new requests.
static UNUSED void check_service(void) {
    static unsigned char written[4096], read[4096];
    int descriptor = scratch_file(0);
    fill(written, sizeof written, 77, 0);
    struct aiocb control = request(descriptor, written, sizeof written, 0);
    OK(aio_write(&control));
    EQUAL(FINISH(&control), sizeof written);
    control = request(descriptor, read, sizeof read, 0);
    OK(aio_read(&control));
    EQUAL(FINISH(&control), sizeof read);
    VERIFY(read, sizeof read, 77, 0);
    close(descriptor);
}

// Memory of this process that is resident, in KiB.
static UNUSED long resident_memory(void) {
    long resident = -1;
    char line[256];
    // Not statm: what that says is behind by what 64 page faults of each thread brought (up to Linux 6.1), or by some pages of each processor.
    FILE *file = fopen("/proc/self/smaps_rollup", "re");
    if (!file) failed(__FILE__, __LINE__, "/proc/self/smaps_rollup: %s", strerror(errno));
    while (resident < 0 && fgets(line, sizeof line, file)) sscanf(line, "Rss: %ld kB", &resident);
    fclose(file);
    if (resident < 0) failed(__FILE__, __LINE__, "no Rss in /proc/self/smaps_rollup");
    return resident;
}

// Runs a statement 100,000 times: more often than requests may be in flight at all, so that a control
// block lost by each ends in EAGAIN; and memory must not grow by what 100,000 blocks would take.
#define WITHOUT_LEAK(statement)                                                              \
    do {                                                                                     \
        for (int i_ = 0; i_ < 1000; i_++) { statement; }                                     \
        long before_ = resident_memory();                                                    \
        for (int i_ = 0; i_ < 100000; i_++) { statement; }                                   \
        long after_ = resident_memory();                                                     \
        if (after_ - before_ > 4096)                                                         \
            failed(__FILE__, __LINE__, "100,000 times %s: memory grew from %ld to %ld KiB",  \
                   #statement, before_, after_);                                             \
    } while (0)

// This program, run again in a process of its own: main(2, {name, role}). `environment` holds lines such as
// "KAIO_VERBOSE=1" and ends with NULL.
struct child {
    int status;          // as waitpid gives it
    char output[32768];  // what it wrote to stdout
    char errors[32768];  // and to stderr
};

static UNUSED void read_whole(int descriptor, char *text, size_t size) {
    ssize_t count = pread(descriptor, text, size - 1, 0);
    if (count < 0) failed(__FILE__, __LINE__, "pread: %s", strerror(errno));
    text[count] = 0;
    close(descriptor);
}

// `prepare`, if not NULL, runs in the child before the program starts.
static UNUSED void run_again(struct child *child, const char *role, const char *const environment[],
                             void (*prepare)(void)) {
    int output = scratch_file(0), errors = scratch_file(0);
    pid_t process = fork();
    if (process < 0) failed(__FILE__, __LINE__, "fork: %s", strerror(errno));
    if (process == 0) {
        dup2(output, STDOUT_FILENO);
        dup2(errors, STDERR_FILENO);
        for (int i = 0; environment && environment[i]; i++) putenv((char *)environment[i]);
        if (prepare) prepare();
        execl("/proc/self/exe", "again", role, (char *)NULL);
        _exit(127);
    }
    while (waitpid(process, &child->status, 0) != process) {}
    read_whole(output, child->output, sizeof child->output);
    read_whole(errors, child->errors, sizeof child->errors);
}

static UNUSED void child_succeeded(const char *file, int line, const struct child *child) {
    if (child->status != 0)
        failed(file, line, "the child ended with status %#x: %s", (unsigned)child->status, child->errors);
}
#define SUCCEEDED(child) child_succeeded(__FILE__, __LINE__, (child))

// How many lines of a text have all of these words.
static UNUSED int count_lines(const char *text, const char *first, const char *second) {
    int count = 0;
    while (*text) {
        size_t length = strcspn(text, "\n");
        char line[4096];
        snprintf(line, sizeof line, "%.*s", (int)length, text);
        count += strstr(line, first) && (!second || strstr(line, second));
        text += length + (text[length] == '\n');
    }
    return count;
}

// A number in the JSON of KAIO_STATS_FILE: object "requests", key "read"; object NULL for the outermost.
static UNUSED long stat_of(const char *json, const char *object, const char *key) {
    char quoted[64];
    const char *at = json, *end = json + strlen(json);
    if (object) {
        snprintf(quoted, sizeof quoted, "\"%s\":", object);
        at = strstr(json, quoted);
        end = at ? strchr(at, '}') : NULL;
        if (!end) failed(__FILE__, __LINE__, "no %s in %s", object, json);
        at += strlen(quoted);
    }
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    at = strstr(at, quoted);
    if (!at || at >= end) failed(__FILE__, __LINE__, "no %s in %s", key, json);
    return strtol(at + strlen(quoted), NULL, 10);
}

// Sets path to that of a file in the test's own directory.
static UNUSED const char *path_of(char path[PATH_MAX], const char *name) {
    const char *directory = getenv("CHECK_DIRECTORY");
    snprintf(path, PATH_MAX, "%s/%s", directory ? directory : ".", name);
    return path;
}

// Reads a small file whole and removes it.
static UNUSED void take_file(const char *path, char *text, size_t size) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) failed(__FILE__, __LINE__, "%s: %s", path, strerror(errno));
    read_whole(descriptor, text, size);
    unlink(path);
}

// How a program that is run again ends where this kernel, or the rights here, lack what it needs.
enum { NOT_HERE = 7 };

// Runs this program again as "work", and gives its KAIO_STATS_FILE, which is shown too. False: it ended as NOT_HERE.
static UNUSED int statistics_of_work(char *json, size_t size) {
    char path[PATH_MAX], setting[PATH_MAX + 32];
    snprintf(setting, sizeof setting, "KAIO_STATS_FILE=%s", path_of(path, "stats"));
    struct child child;
    run_again(&child, "work", (const char *[]){setting, NULL}, NULL);
    if (WIFEXITED(child.status) && WEXITSTATUS(child.status) == NOT_HERE) return 0;
    SUCCEEDED(&child);
    take_file(path, json, size);
    printf("%s", json);
    return 1;
}

// Whether a function is libkaio's: the file that it lies in is the one under test.
#include <dlfcn.h>
static UNUSED int is_from_library(void *function) {
    const char *library = getenv("CHECK_LIBRARY");
    struct stat expected, actual;
    Dl_info info;
    if (!library) failed(__FILE__, __LINE__, "CHECK_LIBRARY is not set: the absolute path of libkaio.so");
    return function && dladdr(function, &info) && stat(info.dli_fname, &actual) == 0 &&
           stat(library, &expected) == 0 && actual.st_dev == expected.st_dev && actual.st_ino == expected.st_ino;
}

// How many contexts of the kernel's AIO this process has.
static UNUSED int count_contexts(void) {
    char line[512];
    int count = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    if (!maps) failed(__FILE__, __LINE__, "/proc/self/maps: %s", strerror(errno));
    while (fgets(line, sizeof line, maps)) count += strstr(line, "/[aio]") != NULL;
    fclose(maps);
    return count;
}


// Waits for a child process, which must end by itself with exit code 0.
static UNUSED void exits_at(const char *file, int line, pid_t process) {
    int status;
    if (process < 0) failed(file, line, "fork: %s", strerror(errno));
    while (waitpid(process, &status, 0) != process)
        if (errno != EINTR) failed(file, line, "waitpid: %s", strerror(errno));
    if (WIFSIGNALED(status)) failed(file, line, "the child was killed by %s", strsignal(WTERMSIG(status)));
    if (status != 0) failed(file, line, "the child exited with %d", WEXITSTATUS(status));
}
#define EXITS(process) exits_at(__FILE__, __LINE__, (process))

// Ends the program with a message if it is still running after so many seconds, for tests of what may
// deadlock: no signal handler is needed for it, and no signal gets to its thread.
static UNUSED void *deadline_thread(void *seconds) {
    sleep_for(*(double *)seconds * times_slower());
    failed(__FILE__, __LINE__, "hangs: not done after %.0f s", *(double *)seconds);
}

static UNUSED void deadline(double seconds) {
    static double limit;
    sigset_t all, before;
    pthread_t thread;
    limit = seconds;
    sigfillset(&all);
    OK(pthread_sigmask(SIG_BLOCK, &all, &before));
    OK(pthread_create(&thread, NULL, deadline_thread, &limit));
    OK(pthread_sigmask(SIG_SETMASK, &before, NULL));
    OK(pthread_detach(thread));
}

// Counts the system calls that a thread makes in one place. The program runs itself again: in its role
// `work`, the second one calls start_counting() and stop_counting() around the place, once; the first one's
// trace_again() stores how often each call was made between them, by its number.
#include <sys/ptrace.h>

enum { call_numbers = 600, counting_mark = SYS_sched_get_priority_max };

static UNUSED void start_counting(void) {
    OK(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
    raise(SIGSTOP);
    syscall(counting_mark, SCHED_OTHER);
}

static UNUSED void stop_counting(void) { syscall(counting_mark, SCHED_OTHER); }

static UNUSED void trace_again(const char *role, int calls[call_numbers]) {
    pid_t child = fork();
    if (child == 0) {
        execl("/proc/self/exe", "again", role, (char *)NULL);
        _exit(127);
    }
    int status, marks = 0, signal = 0;
    memset(calls, 0, call_numbers * sizeof *calls);
    EQUAL(waitpid(child, &status, 0), child);
    CHECK(WIFSTOPPED(status));
    OK(ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
    for (;;) {
        OK(ptrace(PTRACE_SYSCALL, child, NULL, signal));
        EQUAL(waitpid(child, &status, 0), child);
        if (!WIFSTOPPED(status)) break;
        signal = WSTOPSIG(status) == (SIGTRAP | 0x80) ? 0 : WSTOPSIG(status);
        struct __ptrace_syscall_info info;
        if (signal || ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof info, &info) <= 0 ||
            info.op != PTRACE_SYSCALL_INFO_ENTRY)
            continue;
        if (info.entry.nr == counting_mark) marks++;
        else if (marks == 1 && info.entry.nr < call_numbers) calls[info.entry.nr]++;
    }
    EQUAL(status, 0);
    EQUAL(marks, 2);
}

#endif
