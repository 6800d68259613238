// A soak: many threads do everything that the library offers at the same time, for as long as is asked for, and every byte,
// status and notification is compared with what it must be. It ends with figures, or at once with what does not hold:
//
//   - each request is over exactly once, with a status that is possible, and it stays so;
//   - the bytes of a file are those of the writes in the order of the calls, where they overlap; appends follow each other;
//   - a stream carries every byte once, in order; what is cancelled has transferred nothing;
//   - aio_cancel tells the truth; a cancelled idle read takes nothing with it;
//   - each notification, by signal, function or eventfd, of a request or a list, comes exactly once and not too early;
//   - what is queued on a descriptor that is closed lands in its own file or nowhere;
//   - children of fork work, and threads that are cancelled in aio_suspend, or in lio_listio and end after it, run their cleanup handlers;
//   - handlers that interrupt the library at 2 kHz can use aio_error, aio_suspend and aio_return;
//   - nothing that could go on is outstanding for longer than a bound;
//   - memory, address space, descriptors and threads do not grow.
//
// A second process of it has aio_waitcomplete and aio_waitn take all results, and quiet times in which the library gives all
// back. With --break the program does one thing wrong itself, and must notice that.
//
//   soak [--seconds N] [--seed N] [--actors WORD,WORD] [--bound SECONDS] [--mode WORD] [--break FAULT] [--list]
//
// `make soak` builds and runs it; Ctrl-C ends it, with the figures. With SOAK_STOPS=1 in the environment it stops where it
// fails, so that a debugger can look.

#include "soak.h"
#include <getopt.h>
#include <malloc.h>
#include <sys/prctl.h>

#define ACTOR(title, does, which, most, size)                                                             \
    {.name = title, .start = start_##does, .step = step_##does, .finish = finish_##does, .kind = which, \
     .requests = most, .largest = size}

static struct actor everything[] = {
    ACTOR("file, buffered", file, BUFFERED, 16, 262144),
    ACTOR("file, direct", file, DIRECT, 16, 262144),
    ACTOR("file, both", file, MIXED, 16, 262144),
    ACTOR("file, shared (1)", file, SHARED, 12, 131072),
    ACTOR("file, shared (2)", file, SHARED, 12, 131072),
    ACTOR("file, in memory", file, MEMORY, 12, 131072),
    ACTOR("append", append, 0, 12, 32768),
    ACTOR("stream, pipes", flows, PIPES, 32, 16384),
    ACTOR("stream, sockets", flows, SOCKETS, 32, 16384),
    ACTOR("stream, terminals", flows, TERMINALS, 24, 16384),
    ACTOR("eventfds", counters, 0, 12, 8),
    ACTOR("idle", idle, 0, 24, 128),
    ACTOR("closer", closer, 0, 12, 131072),
    ACTOR("forks", forks, 0, 4, 4096),
    ACTOR("cancelled threads", cancelled_threads, 0, 2, 65536),
};

static struct actor collected[] = {
    ACTOR("collected file, buffered", file, BUFFERED, 16, 262144),
    ACTOR("collected file, direct", file, DIRECT, 16, 262144),
    ACTOR("collected append", append, 0, 12, 32768),
    ACTOR("collected stream, pipes", flows, PIPES, 32, 16384),
    ACTOR("collected stream, sockets", flows, SOCKETS, 32, 16384),
};

struct actor *actors;
unsigned actor_count;
__thread struct actor *self;
uint64_t seed;
bool collecting;
atomic_bool stopping;
atomic_long tick;
long bound = 300;

static const char *wanted_actors, *program, *mode = "preloaded";
static double seconds = 60;
static double began;
static atomic_bool interrupted;
static pid_t collector;

// --- What is done wrong on purpose

static const struct {
    const char *name;
    unsigned at;          // the time that it is done; 0: each time
    const char *noticed;  // a regular expression for the message
} faults[FAULTS] = {
    [LOST_COMPLETION] = {"lost-completion", 500, "not over\\|last results"},
    [FLIPPED_BYTE] = {"flipped-byte", 300, ""},
    [FLIPPED_BYTE_OF_A_FILE] = {"flipped-byte-of-a-file", 2, "the file's cell"},
    [SHORT_RESULT] = {"short-result", 300, ""},
    [WRONG_STATUS] = {"wrong-status", 300, ""},
    [CANCELLED_BUT_WRITTEN] = {"cancelled-but-written", 0, ""},
    [LOST_NOTIFICATION] = {"lost-notification", 50, "notification"},
    [TWO_NOTIFICATIONS] = {"two-notifications", 50, "notified twice"},
    [EARLY_NOTIFICATION] = {"early-notification", 50, "notified before the end"},
    [LOST_BYTE_OF_A_STREAM] = {"lost-byte-of-a-stream", 50, "record"},
    [STRAY_WRITE] = {"stray-write", 5, "landed in another file"},
    [STUCK_CALL] = {"stuck-call", 100, "a call that never returns"},
    [SKIPPED_CLEANUP] = {"skipped-cleanup", 3, "cleanup handler"},
    [BROKEN_CHILD] = {"broken-child", 3, "a child ended"},
    [LEAKED_MEMORY] = {"leaked-memory", 0, "resident KiB grow"},
    [LEAKED_DESCRIPTOR] = {"leaked-descriptor", 0, "descriptors grow"},
    [LEAKED_THREAD] = {"leaked-thread", 0, "threads grow"},
};
static enum fault chosen;

bool wrong(enum fault fault) {
    static atomic_uint count;
    if (fault != chosen) return false;
    return faults[fault].at == 0 || ++count == faults[fault].at;
}

static void *sleep_for_ever(void *unused) {
    for (;;) pause();
    return unused;
}

static void leak(void) {
    pthread_t thread;
    if (wrong(LEAKED_MEMORY)) memset(malloc(2000000), 1, 2000000);
    if (wrong(LEAKED_DESCRIPTOR) && dup(STDERR_FILENO) < 0) broken(NULL, "dup: %s", strerror(errno));
    // More of them than the library may have.
    for (int i = 0; i < 4; i++)
        if (wrong(LEAKED_THREAD)) pthread_create(&thread, NULL, sleep_for_ever, NULL);
}

// --- Failures

void broken(const struct request *request, const char *format, ...) {
    static atomic_flag said = ATOMIC_FLAG_INIT;
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    // The first is what counts; the others follow from it, or from the state being read.
    if (atomic_flag_test_and_set(&said)) {
        for (;;) pause();
    }
    const struct actor *actor = request ? request->actor : self;
    dprintf(STDERR_FILENO, "soak: after %.1f s, %s, step %lu, does not hold: %s\n", now() - began,
            actor ? actor->name : "main", actor ? actor->steps : 0, text);
    if (request) say_request(request);
    say_state();
    dprintf(STDERR_FILENO, "soak: again with: make soak SEED=%llu SECONDS=%.0f MODE=%s%s%s%s\n", (unsigned long long)seed, seconds,
            mode, wanted_actors ? " ACTORS='" : "", wanted_actors ? wanted_actors : "", wanted_actors ? "'" : "");
    if (getenv("SOAK_STOPS")) raise(SIGSTOP);
    if (collector > 0) kill(collector, SIGKILL);
    _exit(1);
}

// --- The actors' threads

enum { storm_signal_offset = 3, phase = 450 };  // ticks that a thread is among signals, or among none

// In its quiet time nothing wakes a thread but what it waits for: a wake-up that is lost would be made up for by any signal.
static void change_weather(struct actor *actor, timer_t timer, bool storm) {
    sigset_t signals;
    struct itimerspec times = {{0, storm ? 500000 : 0}, {0, storm ? 500000 : 0}};
    sigemptyset(&signals);
    sigaddset(&signals, SIGRTMIN + storm_signal_offset);
    sigaddset(&signals, SIGRTMIN + 1);
    if (storm) actor->storm = true;
    if (timer_settime(timer, 0, &times, NULL) != 0) broken(NULL, "timer_settime: %s", strerror(errno));
    pthread_sigmask(storm ? SIG_UNBLOCK : SIG_BLOCK, &signals, NULL);
    actor->storm = storm;
}

static void *act(void *argument) {
    struct actor *actor = argument;
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN + storm_signal_offset};
    self = actor;
    actor->thread = event._sigev_un._tid = gettid();
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) broken(NULL, "timer_create: %s", strerror(errno));
    change_weather(actor, timer, actor->index % 2);
    for (; !stopping; actor->steps++) {
        struct random random = {mix(seed * 1000003 + actor->index) ^ mix(actor->steps)};
        bool storm = (tick / phase + actor->index) % 2;
        if (storm != actor->storm) change_weather(actor, timer, storm);
        tend_probe();
        actor->step(actor, &random);
        if (collecting && tick % 80 > 55) {
            // All at the same time, so that the library finds nothing to do for longer than KAIO_IDLE_SECONDS.
            actor->finish(actor);
            while (tick % 80 > 55 && !stopping) nap(10000);
        }
    }
    change_weather(actor, timer, false);
    timer_delete(timer);
    begin("the end of the probe");
    while (tend_probe(), actor->probe->state != FREE) nap(100);
    end();
    actor->ends = true;
    actor->finish(actor);
    close(actor->event);
    return NULL;
}

// --- The run

static void interrupt(int number) {
    (void)number;
    interrupted = true;
}

static void start_collector(void) {
    char number[32], time[32];
    snprintf(number, sizeof number, "%llu", (unsigned long long)seed);
    snprintf(time, sizeof time, "%.0f", seconds);
    collector = fork();
    if (collector < 0) broken(NULL, "fork: %s", strerror(errno));
    if (collector > 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setenv("KAIO_IDLE_SECONDS", "1", 1);
    execl("/proc/self/exe", program, "--collect", "--seed", number, "--seconds", time, "--mode", mode, (char *)NULL);
    _exit(127);
}

static void see_collector(bool wait) {
    int status;
    if (collector <= 0) return;
    pid_t ended = waitpid(collector, &status, wait ? 0 : WNOHANG);
    if (ended != collector) return;
    collector = 0;
    if (status != 0 || !wait) broken(NULL, "the collector ended with status %#x (its own message is above)", (unsigned)status);
}

static bool is_wanted(const struct actor *actor) {
    char words[512], *rest = words;
    if (!wanted_actors) return true;
    snprintf(words, sizeof words, "%s", wanted_actors);
    for (char *word; (word = strsep(&rest, ","));)
        if (*word && strstr(actor->name, word)) return true;
    return false;
}

static void choose_actors(void) {
    struct actor *all = collecting ? collected : everything;
    unsigned count = collecting ? sizeof collected / sizeof *collected : sizeof everything / sizeof *everything;
    actors = calloc(count, sizeof *actors);
    for (unsigned i = 0; i < count; i++) {
        all[i].index = i;
        if (is_wanted(&all[i])) actors[actor_count++] = all[i];
    }
}

static void usage(const char *complaint) {
    fprintf(stderr, "soak: %s\n"
                    "usage: soak [--seconds N] [--seed N] [--actors WORD,WORD] [--bound SECONDS] [--break FAULT] [--list]\n",
            complaint);
    exit(2);
}

static void read_options(int count, char **arguments) {
    static const struct option options[] = {
        {"seconds", required_argument, NULL, 's'}, {"seed", required_argument, NULL, 'r'},
        {"actors", required_argument, NULL, 'a'},  {"bound", required_argument, NULL, 'b'},
        {"break", required_argument, NULL, 'w'},   {"collect", no_argument, NULL, 'c'},
        {"list", no_argument, NULL, 'l'},          {"mode", required_argument, NULL, 'm'},
        {NULL, 0, NULL, 0}};
    program = arguments[0];
    for (int option; (option = getopt_long(count, arguments, "", options, NULL)) != -1;) {
        switch (option) {
        case 's': seconds = atof(optarg); break;
        case 'r': seed = strtoull(optarg, NULL, 0); break;
        case 'a': wanted_actors = optarg; break;
        case 'b': bound = atol(optarg) * 10; break;
        case 'c': collecting = true; break;
        case 'm': mode = optarg; break;
        case 'l':
            for (int i = 1; i < FAULTS; i++) printf("%s\t%s\n", faults[i].name, faults[i].noticed);
            exit(0);
        case 'w':
            for (int i = 1; i < FAULTS; i++)
                if (strcmp(optarg, faults[i].name) == 0) chosen = (enum fault)i;
            if (!chosen) usage("no such fault; --list names them");
            break;
        default: usage("unknown option");
        }
    }
    if (optind < count || seconds <= 0 || bound <= 0) usage("numbers must be above 0, and words belong to options");
}

int main(int count, char **arguments) {
    struct sigaction action = {.sa_handler = visit, .sa_flags = SA_RESTART};
    struct timespec tenth = {0, 100000000};
    seed = (uint64_t)nanoseconds() % 1000000;
    read_options(count, arguments);
    if (!kaio_version) usage("needs the library: preload libkaio.so, or link with it");
    began = now();
    if (!collecting) {
        printf("soak: seed %llu, %.0f s, %s, kaio %s\n", (unsigned long long)seed, seconds, mode, kaio_version());
        fflush(stdout);
    }
    // Each thread that allocates would reserve 64 MiB for itself.
    mallopt(M_ARENA_MAX, 1);
    choose_actors();
    catch_notifications();
    OK(sigaction(SIGRTMIN + storm_signal_offset, &action, NULL));
    action.sa_handler = interrupt;
    OK(sigaction(SIGINT, &action, NULL));
    OK(sigaction(SIGTERM, &action, NULL));
    if (!collecting && !wanted_actors && !chosen) start_collector();

    make_probed();
    for (unsigned i = 0; i < actor_count; i++) {
        make_requests(&actors[i]);
        actors[i].start(&actors[i]);
    }
    for (unsigned i = 0; i < actor_count; i++)
        if (pthread_create(&actors[i].handle, NULL, act, &actors[i]) != 0) broken(NULL, "pthread_create");
    long every = seconds < 40 ? 1 : 10;
    while (!interrupted && now() - began < seconds) {
        // Signals for the process wake it early.
        for (struct timespec left = tenth; nanosleep(&left, &left) != 0;) {}
        tick++;
        watch();
        leak();
        if (tick % every == 0 && !(collecting && (tick % 80 > 50 || tick % 80 < 10))) sample();
        see_collector(false);
    }
    double took = now() - began;
    if (collector > 0) kill(collector, SIGTERM);
    stopping = true;
    for (unsigned i = 0; i < actor_count; i++)
        for (int result = EBUSY; result == EBUSY;) {
            nanosleep(&tenth, NULL);
            tick++;
            watch();
            result = pthread_tryjoin_np(actors[i].handle, NULL);
        }
    see_collector(true);
    judge();
    report(took);
    return 0;
}
