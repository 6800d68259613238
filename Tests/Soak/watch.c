// What the main thread does meanwhile: sees that nothing hangs, and that memory, descriptors and threads do not grow.

#include "soak.h"

// --- The watchdog

static const char *const states[] = {"free", "in flight", "fetched", "over"};
static const char *const kinds[] = {"read", "write", "fsync", "list"};
static const char *const notifications[] = {"none", "signal", "signal to the thread", "function", "eventfd"};

void say_request(const struct request *request) {
    dprintf(STDERR_FILENO, "    request %u (use %u): %s of %zu bytes, descriptor %d, offset %lld, %s for %.1f s, notification %s%s%s%s%s",
            request->number, request->generation, kinds[request->kind], request->size, request->control.aio_fildes,
            (long long)request->control.aio_offset, states[request->state], (double)(tick - request->since) / 10,
            notifications[request->notification], request->notified ? " (came)" : "",
            request->list ? ", in a list" : "", request->may_wait ? ", may wait" : "",
            request->may_be_cancelled ? ", may be cancelled" : "");
    if (request->state > IN_FLIGHT) dprintf(STDERR_FILENO, ", status %d, result %zd", request->status, request->result);
    dprintf(STDERR_FILENO, "\n");
}

// In which system call a thread of the process is.
static void say_thread(int thread) {
    char path[64], text[200] = "";
    snprintf(path, sizeof path, "/proc/self/task/%d/syscall", thread);
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor >= 0) {
        ssize_t count = read(descriptor, text, sizeof text - 1);
        if (count > 0) text[count - 1] = 0;
        close(descriptor);
    }
    dprintf(STDERR_FILENO, "    thread %d, system call %s\n", thread, text);
}

void say_state(void) {
    for (unsigned i = 0; i < actor_count; i++) {
        struct actor *actor = &actors[i];
        const char *doing = actor->doing;
        dprintf(STDERR_FILENO, "  %s, step %lu: %s for %.1f s%s\n", actor->name, actor->steps, doing ? doing : "busy",
                (double)(tick - actor->since) / 10, actor->storm ? ", among signals" : "");
        say_thread(actor->thread);
        for (uint32_t j = 0; j < count_of_requests(); j++) {
            struct request *request = request_of(j);
            if (request->actor == actor && request->state != FREE) say_request(request);
        }
    }
}

void watch(void) {
    for (unsigned i = 0; i < actor_count; i++)
        if (actors[i].doing && tick - actors[i].since > bound)
            broken(NULL, "%s hangs: %s", actors[i].name, actors[i].doing);
    // aio_error is not asked: it would fetch what nobody else does, and the fault would not be seen.
    for (uint32_t i = 0; i < count_of_requests(); i++) {
        struct request *request = request_of(i);
        uint32_t use = request->generation;
        int state = request->state;
        bool late = tick - request->since > bound;
        if (!late || state == FREE || state == FETCHED || (request->may_wait && state != OVER)) continue;
        if (use == request->generation && state == request->state)
            broken(request, state == IN_FLIGHT && request->kind != LIST ? "a request is not over" : "a notification is missing");
    }
}

// --- Figures of the process, and whether they are flat

enum { samples_most = 100000, figures = 4, threads = 2 };
static const char *const names[figures] = {"resident KiB", "descriptors", "threads", "address space MiB"};
// More than this is growth: what comes and goes (threads that notify, files of other actors) is in a sample by chance. In the
// first quarter of a minute all buffers and stacks are used for the first time, so a short run has more; and where requests wait, the
// library's threads, workers and those that notify, come when many of them go on at once.
static const long slack[figures] = {1024, 3, 4, 64}, slack_of_a_short_run[figures] = {16384, 12, 24, 256};
enum { short_run = 500 };  // ticks
static long samples[figures][samples_most];
static int sample_count;

void sample(void) {
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file || fscanf(file, "%ld %ld", &pages, &resident) != 2) broken(NULL, "/proc/self/statm: %s", strerror(errno));
    fclose(file);
    if (sample_count == samples_most) return;
    samples[0][sample_count] = resident * 4;
    samples[1][sample_count] = count_descriptors();
    samples[2][sample_count] = count_threads();
    samples[3][sample_count] = pages / 256;
    sample_count++;
}

static int compare(const void *first, const void *second) {
    long a = *(const long *)first, b = *(const long *)second;
    return (a > b) - (a < b);
}

// The median; of threads the least, as those that notify stay the longer the busier the machine is, and one that leaked is in every
// sample.
static long typical(int figure, const long *values, int count) {
    long sorted[samples_most / 4];
    memcpy(sorted, values, (size_t)count * sizeof *values);
    qsort(sorted, (size_t)count, sizeof *sorted, compare);
    return sorted[figure == threads ? 0 : count / 2];
}

// Of the second quarter of all samples, which is after the warm-up, and of the last.
static void compare_quarters(int figure, long *early, long *late) {
    int quarter = sample_count / 4;
    *early = typical(figure, samples[figure] + quarter, quarter);
    *late = typical(figure, samples[figure] + sample_count - quarter, quarter);
}

void judge(void) {
    if (sample_count < 16) return;
    for (int i = 0; i < figures; i++) {
        long early, late;
        compare_quarters(i, &early, &late);
        if (late - early > (tick < short_run ? slack_of_a_short_run : slack)[i])
            broken(NULL, "%s grow: %ld after the warm-up, %ld at the end", names[i], early, late);
    }
}

void report(double seconds) {
    unsigned long all = totals.reads + totals.writes + totals.syncs;
    printf("%s: %lu requests in %.0f s: %lu reads, %lu writes, %lu fsyncs; %lu with several buffers, %lu lists\n",
           collecting ? "collector" : "soak", all, seconds, totals.reads, totals.writes, totals.syncs, totals.vectors, totals.lists);
    printf("  %.1f GB transferred; %lu cancelled; longest request %.1f s; %lu times all data checked\n",
           (double)totals.bytes / 1e9, totals.cancelled, (double)totals.longest / 10, totals.checks);
    printf("  notified by %lu signals, %lu functions, %lu eventfds, %lu of them of lists; all came, once\n", totals.signals,
           totals.functions, totals.events, totals.lists_notified);
    printf("  %lu handlers interrupted the library's callers, and fetched %lu results\n", totals.handlers,
           totals.fetched_by_handlers);
    if (!collecting)
        printf("  %lu descriptors closed under requests, %lu streams, %lu children by fork, %lu by exec, %lu threads cancelled\n",
               totals.closes, totals.streams, totals.forks, totals.spawns, totals.threads_cancelled);
    if (sample_count >= 16)
        for (int i = 0; i < figures; i++) {
            long early, late;
            compare_quarters(i, &early, &late);
            printf("  %-18s %ld after the warm-up, %ld at the end\n", names[i], early, late);
        }
    fflush(stdout);
}
