// What the tests of faults run: requests of every kind, from two threads, each checked against a model of the data, of the
// statuses and of the notifications.
//
// It exits with 0 if every request that was taken ended once, with its data right or with an error that FAULT_ERRNO
// allows, and notified once; and if each call that took none said so (EAGAIN, or FAULT_ERRNO) and did nothing. The last line
// of its output says how many were taken, how many refused, and how many ended with that error.
//
// FAULT_ERRNO     the errno that a request may end with besides success, and a call may fail with; 0 for none
// FAULT_FOLLOWS   the module `follow` is there: reads at the end of a file wait until it grows
// FAULT_SIGNALS   none: signals can't be sent, so none is waited for; unnamed: they do not say which request it was

#include "../Conformance/check.h"
#include <dlfcn.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <poll.h>

enum { block = 4096, blocks = 64, most = 4096, event_notify = 0x6b61 };
enum notify { silent, by_signal, by_function, by_event, ways };

static int fault, follows, is_silent, is_unnamed;
static atomic_int taken, refused, faulted, next_number;
static atomic_int told[most], expected[most];

static void callback(union sigval value) { told[value.sival_int]++; }

static void handler(int number, siginfo_t *info, void *context) {
    (void)number, (void)context;
    told[info->si_value.sival_int]++;
}

// One request: how it is to notify, and the number under which that is counted.
struct job {
    struct aiocb control;
    int number, event;
};

static int random_below(unsigned *state, int limit) {
    *state = *state * 1664525u + 1013904223u;
    return (int)((*state >> 8) % (unsigned)limit);
}

static void prepare(struct job *job, int descriptor, void *buffer, size_t size, off_t offset, enum notify how) {
    job->control = request(descriptor, buffer, size, offset);
    job->number = next_number++;
    CHECK(job->number < most);
    job->event = -1;
    struct sigevent *event = &job->control.aio_sigevent;
    event->sigev_value.sival_int = job->number;
    if (how == by_signal) event->sigev_notify = SIGEV_SIGNAL, event->sigev_signo = SIGRTMIN;
    if (how == by_function) event->sigev_notify = SIGEV_THREAD, event->sigev_notify_function = callback;
    if (how == by_event && (job->event = eventfd(0, EFD_CLOEXEC)) >= 0)
        event->sigev_notify = event_notify, event->sigev_value.sival_int = job->event;
}

// Takes account of a call that submits; tries again for a while where it says EAGAIN.
#define TAKEN(job, call)                                                                         \
    ({                                                                                           \
        int result_, tries_ = 0;                                                                 \
        while ((result_ = (call)) != 0 && errno == EAGAIN && ++tries_ < 20) sleep_for(0.002);    \
        /* What is named as an eventfd may not be looked at. */                                   \
        int may_be_invalid_ = fault && (job)->event >= 0 && errno == EINVAL;                      \
        if (result_ != 0 && errno != EAGAIN && (!fault || errno != fault) && !may_be_invalid_)    \
            failed(__FILE__, __LINE__, "%s: %s", #call, strerror(errno));                        \
        if (result_ == 0) taken++;                                                               \
        else refused++;                                                                          \
        if (result_ == 0 && (job)->control.aio_sigevent.sigev_notify != SIGEV_NONE && (job)->event < 0)   \
            expected[(job)->number] = 1;                                                         \
        result_ == 0;                                                                            \
    })

// Waits for a request. Gives its status; other than success and the fault's only where `also` is that.
static int end(struct job *job, ssize_t size, int also) {
    int error = wait_for(&job->control, 20);
    if (error == EINPROGRESS) failed(__FILE__, __LINE__, "a request of %zu bytes is still in progress", job->control.aio_nbytes);
    ssize_t result = aio_return(&job->control);
    if (error == 0) {
        if (result != size && !(fault && result >= 0 && result < size)) EQUAL(result, size);
        if (result != size) error = fault;
    } else if (error != also && (!fault || error != fault) && error != EAGAIN) {
        failed(__FILE__, __LINE__, "a request of %zu bytes ended with %s", job->control.aio_nbytes, strerror(error));
    }
    if (error && error != also) faulted++;
    if (job->event >= 0) {
        struct pollfd event = {job->event, POLLIN, 0};
        EQUAL(poll(&event, 1, 20000), 1);
        close(job->event);
    }
    return error;
}

// A file, and what stands in it.
struct model {
    int direct, cached;
    unsigned char *data, *buffer, *back; // what stands in it, and what is written and read
    unsigned state;
};

static void transfer(struct model *model) {
    int is_write = random_below(&model->state, 2), is_direct = random_below(&model->state, 2);
    int first = random_below(&model->state, blocks), count = 1 + random_below(&model->state, 4);
    if (random_below(&model->state, 8) == 0) first = 0, count = blocks;
    if (first + count > blocks) count = blocks - first;
    size_t size = (size_t)count * block;
    off_t offset = (off_t)first * block;
    struct job job;
    prepare(&job, is_direct ? model->direct : model->cached, model->buffer, size, offset,
            (enum notify)random_below(&model->state, ways));
    if (is_write) fill(model->buffer, size, model->state, 0);
    else memset(model->buffer, 0, size);
    unsigned char *back = model->back;
    if (!TAKEN(&job, is_write ? aio_write(&job.control) : aio_read(&job.control))) {
        // Nothing was done.
        EQUAL(pread(model->direct, back, size, offset), size);
        CHECK(memcmp(back, model->data + offset, size) == 0);
    } else if (end(&job, (ssize_t)size, 0) == 0) {
        if (is_write) memcpy(model->data + offset, model->buffer, size);
        EQUAL(pread(model->direct, back, size, offset), size);
        CHECK(memcmp(back, model->data + offset, size) == 0);
        if (!is_write) CHECK(memcmp(model->buffer, back, size) == 0);
    } else if (is_write) {
        // Some of it may stand there.
        EQUAL(pread(model->direct, model->data + offset, size, offset), size);
    }
}

// Several writes of one range, past the cache and in it, and a synchronization: the last one stands there.
static void overlap(struct model *model) {
    struct job jobs[5], synchronize;
    int was_taken[5], all = 1;
    unsigned char *buffers = model->buffer, *back = model->back;
    for (int i = 0; i < 5; i++) {
        fill(buffers + i * block, block, (unsigned)i + 100, 0);
        prepare(&jobs[i], i % 2 ? model->direct : model->cached, buffers + i * block, block, 0, (enum notify)(i % ways));
        was_taken[i] = TAKEN(&jobs[i], aio_write(&jobs[i].control));
        all &= was_taken[i];
    }
    prepare(&synchronize, model->direct, NULL, 0, 0, by_signal);
    if (TAKEN(&synchronize, aio_fsync(O_SYNC, &synchronize.control))) end(&synchronize, 0, 0);
    for (int i = 0; i < 5; i++)
        if (was_taken[i]) all &= end(&jobs[i], block, 0) == 0;
    EQUAL(pread(model->direct, back, block, 0), block);
    if (all) CHECK(memcmp(back, buffers + 4 * block, block) == 0);
    memcpy(model->data, back, block);
}

static void list(struct model *model, int mode) {
    struct job jobs[8], whole;
    struct aiocb *members[8];
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
    unsigned char *buffers = model->buffer;
    for (int i = 0; i < 8; i++) {
        prepare(&jobs[i], i % 2 ? model->direct : model->cached, buffers + i * block, block, i * block, i == 3 ? by_function : silent);
        jobs[i].control.aio_lio_opcode = LIO_READ;
        members[i] = &jobs[i].control;
    }
    prepare(&whole, -1, NULL, 0, 0, silent);
    event.sigev_value.sival_int = whole.number;
    int result = lio_listio(mode, members, 8, &event);
    if (result != 0 && errno == EAGAIN) {
        refused++;
        return;
    }
    // A signal of another request ends the wait.
    int is_interrupted = result != 0 && errno == EINTR;
    if (result != 0 && !is_interrupted && !(errno == EIO && fault)) failed(__FILE__, __LINE__, "lio_listio: %s", strerror(errno));
    taken += 8;
    expected[jobs[3].number] = 1;
    if (mode == LIO_NOWAIT) expected[whole.number] = 1;
    for (int i = 0; i < 8; i++) {
        if (mode == LIO_WAIT && !is_interrupted) CHECK(aio_error(&jobs[i].control) != EINPROGRESS);
        if (end(&jobs[i], block, 0) == 0) CHECK(memcmp(buffers + i * block, model->data + i * block, block) == 0);
    }
}

// What others do with the other end of a stream, in processes: threads may be short.
static pid_t feed(int descriptor) {
    pid_t process = fork();
    if (process == 0) {
        unsigned char data[10];
        fill(data, sizeof data, 5, 0);
        sleep_for(0.005);
        _exit(write(descriptor, data, 10) != 10);
    }
    return process;
}

static pid_t drain(int reading) {
    pid_t process = fork();
    if (process == 0) {
        static unsigned char data[512 << 10];
        // No end of a stream of another thread may stay open here.
        syscall(SYS_close_range, 3, reading - 1, 0);
        syscall(SYS_close_range, reading + 1, ~0u, 0);
        while (read(reading, data, sizeof data) > 0) {}
        _exit(0);
    }
    return process;
}

static void streams(int is_socket, enum notify how) {
    int ends[2];
    if (is_socket) OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
    else OK(pipe2(ends, O_CLOEXEC));
    unsigned char bytes[16] = "", *large = aligned_buffer(300 << 10);
    struct job job, idle;
    pid_t other;
    // Data comes after the request.
    prepare(&job, ends[0], bytes, sizeof bytes, 0, how);
    if (TAKEN(&job, aio_read(&job.control))) {
        other = feed(ends[1]);
        if (end(&job, 10, 0) == 0) VERIFY(bytes, 10, 5, 0);
        EXITS(other);
        // What an error left there.
        struct pollfd left = {ends[0], POLLIN, 0};
        if (poll(&left, 1, 0) == 1) CHECK(read(ends[0], bytes, sizeof bytes) > 0);
    }
    // More than fits.
    prepare(&job, ends[1], large, 300 << 10, 0, how);
    int is_taken = TAKEN(&job, aio_write(&job.control));
    other = drain(ends[0]);
    if (is_taken) end(&job, 300 << 10, 0);
    close(ends[1]);
    EXITS(other);
    close(ends[0]);
    free(large);
    // Idle: one is cancelled, one's descriptor is closed.
    OK(pipe2(ends, O_CLOEXEC));
    prepare(&idle, ends[0], bytes, 1, 0, how);
    if (TAKEN(&idle, aio_read(&idle.control))) {
        double began = now();
        int answer = aio_cancel(ends[0], &idle.control);
        if (answer != AIO_CANCELED) {
            if (answer == -1 && errno != fault && (!fault || errno != EBADF)) failed(__FILE__, __LINE__, "aio_cancel: %s", strerror(errno));
            if (!fault) failed(__FILE__, __LINE__, "aio_cancel: %d", answer);
            EQUAL(write(ends[1], "x", 1), 1);
        }
        if (now() - began > 5) failed(__FILE__, __LINE__, "aio_cancel took %.1f s", now() - began);
        if (answer == AIO_CANCELED) EQUAL(end(&idle, 0, ECANCELED), ECANCELED);
        else end(&idle, 1, ECANCELED);
    }
    prepare(&idle, ends[0], bytes, 1, 0, how);
    if (TAKEN(&idle, aio_read(&idle.control))) {
        close(ends[0]);
        if (aio_error(&idle.control) == EINPROGRESS) EQUAL(write(ends[1], "x", 1), 1);
        end(&idle, 1, ECANCELED);
    } else {
        close(ends[0]);
    }
    close(ends[1]);
}

static void timeouts(void) {
    int ends[2];
    char byte;
    OK(pipe2(ends, O_CLOEXEC));
    struct job job;
    prepare(&job, ends[0], &byte, 1, 0, silent);
    if (TAKEN(&job, aio_read(&job.control))) {
        const struct aiocb *controls[1] = {&job.control};
        struct timespec limit = {0, 30000000};
        double began = now();
        int result = aio_suspend(controls, 1, &limit);
        // A signal of another request ends it too.
        int error = errno;
        if (result != 0 && error != EINTR) EQUAL(error, EAGAIN);
        if (result != 0 && error == EAGAIN) CHECK(now() - began >= 0.03);
        CHECK(result != 0 || aio_error(&job.control) != EINPROGRESS);
        EQUAL(write(ends[1], "x", 1), 1);
        end(&job, 1, 0);
    }
    close(ends[0]), close(ends[1]);
}

// What libkaio has and <aio.h> lacks.
static void collect(struct model *model) {
    ssize_t (*wait_complete)(struct aiocb **, struct timespec *) =
        (ssize_t(*)(struct aiocb **, struct timespec *))dlsym(RTLD_DEFAULT, "aio_waitcomplete");
    if (!wait_complete) return;
    struct job job;
    unsigned char *buffer = model->buffer;
    prepare(&job, model->direct, buffer, block, 0, silent);
    if (TAKEN(&job, aio_read(&job.control))) {
        struct aiocb *done = NULL;
        struct timespec limit = {20, 0};
        ssize_t result;
        do {
            errno = 0;
            result = wait_complete(&done, &limit);
        } while (result < 0 && errno == EINTR && !done);
        CHECK(done == &job.control);
        if (result != block && (!fault || result > block)) failed(__FILE__, __LINE__, "aio_waitcomplete: %zd, %s", result, strerror(errno));
        if (result == block) CHECK(memcmp(buffer, model->data, block) == 0);
    }
}

// A read at the end waits until the file grows; inotify says so, or the file is looked at now and then.
static void grow(struct model *model) {
    off_t size = (off_t)blocks * block;
    struct job job;
    prepare(&job, model->cached, model->buffer, block, size, (enum notify)random_below(&model->state, ways));
    if (TAKEN(&job, aio_read(&job.control))) {
        sleep_for(0.005);
        EQUAL(aio_error(&job.control), EINPROGRESS);
        EQUAL(pwrite(model->cached, model->data, block, size), block);
        if (end(&job, block, 0) == 0) CHECK(memcmp(model->buffer, model->data, block) == 0);
    }
    OK(ftruncate(model->cached, size));
}

static void open_model(struct model *model, unsigned seed) {
    char path[PATH_MAX], name[64];
    snprintf(name, sizeof name, "data-%u-%d", seed, getpid());
    path_of(path, name);
    model->cached = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(model->cached >= 0);
    model->direct = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
    if (model->direct < 0) model->direct = dup(model->cached);
    unlink(path);
    model->data = aligned_buffer(blocks * block);
    model->buffer = aligned_buffer(blocks * block);
    model->back = aligned_buffer(blocks * block);
    model->state = seed;
    fill(model->data, blocks * block, seed, 0);
    EQUAL(pwrite(model->cached, model->data, blocks * block, 0), blocks * block);
    OK(fsync(model->cached));
}

static void *work(void *argument) {
    unsigned seed = *(unsigned *)argument;
    struct model model;
    open_model(&model, seed);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 24; i++) transfer(&model);
        overlap(&model);
        list(&model, LIO_WAIT);
        list(&model, LIO_NOWAIT);
        streams(round & 1, (enum notify)((round + (int)seed) % ways));
        timeouts();
        if (follows) grow(&model);
    }
    close(model.direct), close(model.cached);
    free(model.data), free(model.buffer), free(model.back);
    return NULL;
}

static void await_notifications(void) {
    for (double end = now() + 20; !is_silent;) {
        int left = 0;
        for (int i = 0; i < next_number; i++) left += is_unnamed ? expected[i] - told[i] : told[i] < expected[i];
        if (!left) break;
        if (left < 0) failed(__FILE__, __LINE__, "%d notifications too many", -left);
        if (now() > end) failed(__FILE__, __LINE__, "%d of %d requests have not notified", left, (int)taken);
        sleep_for(0.002);
    }
    sleep_for(0.02);
    for (int i = 0; i < next_number && !is_unnamed; i++)
        if (told[i] > expected[i]) failed(__FILE__, __LINE__, "request %d has notified %d times", i, told[i]);
}

// A limit of the process that is short from the first request on, and then is not: its name and its value; +N[M] is so
// much more than what the program has by then.
static void shortage(const char *name, const char *value) {
    static const struct {
        const char *name;
        int number;
    } limits[] = {{"nofile", RLIMIT_NOFILE}, {"as", RLIMIT_AS}, {"memlock", RLIMIT_MEMLOCK}, {"nproc", RLIMIT_NPROC},
                  {"sigpending", RLIMIT_SIGPENDING}, {"fsize", RLIMIT_FSIZE}, {"stack", RLIMIT_STACK}};
    struct rlimit before, limit;
    struct model model;
    int number = -1, ends[2];
    char *unit, byte = 0;
    rlim_t amount = strtoul(value, &unit, 10);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        if (strcmp(name, limits[i].name) == 0) number = limits[i].number;
    if (number < 0) failed(__FILE__, __LINE__, "no limit is called %s", name);
    if (*unit == 'M') amount <<= 20;
    open_model(&model, 4);
    OK(pipe2(ends, O_CLOEXEC));
    // These two do not count for root.
    if ((number == RLIMIT_NPROC || number == RLIMIT_MEMLOCK) && getuid() == 0) OK(setuid(65534));
    if (number == RLIMIT_FSIZE) fault = EFBIG;
    if (*value == '+') {
        long pages = 0;
        FILE *file = fopen("/proc/self/statm", "re");
        CHECK(file && fscanf(file, "%ld", &pages) == 1);
        fclose(file);
        amount += (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
    }
    OK(getrlimit(number, &before));
    limit = before;
    limit.rlim_cur = amount;
    OK(setrlimit(number, &limit));
    if (number == RLIMIT_MEMLOCK) OK(mlockall(MCL_FUTURE));
    struct job waiting;
    prepare(&waiting, ends[0], &byte, 1, 0, by_signal);
    int is_waiting = TAKEN(&waiting, aio_read(&waiting.control));
    for (int i = 0; i < 24; i++) transfer(&model);
    overlap(&model);
    list(&model, LIO_WAIT);
    list(&model, LIO_NOWAIT);
    if (is_waiting) {
        EQUAL(write(ends[1], "x", 1), 1);
        end(&waiting, 1, 0);
    }
    OK(setrlimit(number, &before));
    if (number == RLIMIT_MEMLOCK) OK(munlockall());
    await_notifications();
    printf("%d taken, %d refused while %s is %s; then ", (int)taken, (int)refused, name, value);
    // What could not be had is asked for again a second later.
    sleep_for(1.2);
    refused = fault = 0;
    unsigned seed = 5;
    work(&seed);
    await_notifications();
    EQUAL(refused, 0);
}

int main(int count, char **words) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
    unsigned seeds[2] = {1, 2};
    pthread_t threads[2];
    struct model model;
    fault = getenv("FAULT_ERRNO") ? atoi(getenv("FAULT_ERRNO")) : 0;
    follows = getenv("FAULT_FOLLOWS") != NULL;
    const char *signals = getenv("FAULT_SIGNALS");
    is_silent = signals && strcmp(signals, "none") == 0;
    is_unnamed = signals && strcmp(signals, "unnamed") == 0;
    OK(sigaction(SIGRTMIN, &action, NULL));
    signal(SIGPIPE, SIG_DFL);
    alarm(100);
    if (count == 3) {
        shortage(words[1], words[2]);
    } else {
        int started[2];
        for (int i = 0; i < 2; i++) started[i] = pthread_create(&threads[i], NULL, work, &seeds[i]) == 0;
        for (int i = 0; i < 2; i++) {
            if (started[i]) OK(pthread_join(threads[i], NULL));
            else work(&seeds[i]);
        }
        open_model(&model, 9);
        collect(&model);
        await_notifications();
        // The library gives everything back, and begins anew (KAIO_IDLE_SECONDS=1).
        sleep_for(1.2);
        work(&seeds[0]);
        await_notifications();
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            alarm(60);
            memset(told, 0, sizeof told);
            memset(expected, 0, sizeof expected);
            seeds[0] = 3;
            work(&seeds[0]);
            await_notifications();
            exit(0);
        }
        EXITS(child);
    }
    printf("%d taken, %d refused, %d ended with an error\n", (int)taken, (int)refused, (int)faulted);
    return 0;
}
