// The ends of things: descriptors that are closed with requests in flight, children of fork, and threads that are cancelled
// where they wait.

#include "soak.h"
#include <poll.h>
#include <spawn.h>
#include <sys/prctl.h>

// --- What is queued on a descriptor when it is closed lands in its own file or nowhere

enum { victim_size = 4096 };
static const char *const ways[] = {"close", "dup2", "dup3", "close_range"};

struct closer {
    struct model *model;
    unsigned char victim[victim_size];
};

void start_closer(struct actor *actor) {
    struct closer *closer = calloc(1, sizeof *closer);
    closer->model = make_model(4096, 32);
    fill_words(closer->victim, victim_size, 0, 13);
    actor->data = closer;
}

// Closes a number, and opens a file that may have it then.
static int close_and_open(int number, unsigned way, const struct closer *closer) {
    const int flags[1] = {O_RDWR};
    int victim = -1;
    if (way == 1 || way == 2) {
        open_file(NULL, 1, &victim, flags);
        if (write(victim, closer->victim, victim_size) != victim_size) broken(NULL, "write: %s", strerror(errno));
    }
    begin(ways[way]);
    int result = way == 0   ? close(number)
                 : way == 1 ? dup2(victim, number)
                 : way == 2 ? dup3(victim, number, O_CLOEXEC)
                            : close_range((unsigned)number, (unsigned)number, 0);
    end();
    if (result != (way == 1 || way == 2 ? number : 0)) broken(NULL, "%s gives %d: %s", ways[way], result, strerror(errno));
    if (victim >= 0) {
        close(number);
    } else {
        open_file(NULL, 1, &victim, flags);
        if (write(victim, closer->victim, victim_size) != victim_size) broken(NULL, "write: %s", strerror(errno));
    }
    totals.closes++;
    return victim;
}

static void check_victim(int victim, unsigned way, const struct closer *closer) {
    unsigned char bytes[victim_size + 1];
    if (wrong(STRAY_WRITE) && pwrite(victim, "stray", 5, 77) != 5) broken(NULL, "pwrite: %s", strerror(errno));
    ssize_t count = pread(victim, bytes, sizeof bytes, 0);
    if (count != victim_size || memcmp(bytes, closer->victim, victim_size) != 0)
        broken(NULL, "a write landed in another file, behind %s: %zd bytes", ways[way], count);
    close(victim);
}

static void note_closed(struct request *request) {
    struct closer *closer = request->actor->data;
    is_whole_or_cancelled(request);
    if (request->kind == SYNC) return;
    lock_model(closer->model);
    model_learn(closer->model, request);
    unlock_model(closer->model);
}

static void close_file(struct actor *actor, struct random *random) {
    struct closer *closer = actor->data;
    const int flags[2] = {O_RDWR, chance(random, 30) ? O_RDWR | O_DIRECT : O_RDWR};
    int descriptors[2];
    open_file(NULL, 2, descriptors, flags);
    reset_model(closer->model, descriptors[0]);
    // As long as this lasts, none of it can be fetched with its descriptor's number in other hands.
    unsigned most = 1 + (unsigned)draw(random, actor->requests), way = (unsigned)draw(random, 4);
    lock_model(closer->model);
    for (unsigned i = 0; i < most; i++) {
        struct request *request = &actor->request[i];
        unsigned count = 1 + (unsigned)draw(random, chance(random, 50) ? 4 : 32), first = (unsigned)draw(random, 33 - count);
        bool write = chance(random, 75);
        if (chance(random, 5)) {
            prepare(request, SYNC, descriptors[1], 0, 0);
            request->order = 0;
        } else {
            prepare(request, write ? WRITE : READ, descriptors[1], count * 4096, (off_t)first * 4096);
            if (write) model_write(closer->model, request, first, count);
            else model_read(closer->model, request, first, count);
        }
        notify_somehow(request, random);
        submit(request);
    }
    unlock_model(closer->model);
    if (chance(random, 30)) nap((long)draw(random, 300));
    for (unsigned i = 0; i < most; i++) actor->request[i].may_be_cancelled = true;
    int victim = close_and_open(descriptors[1], way, closer);
    settle(actor, note_closed);
    check_victim(victim, way, closer);
    check_model(closer->model, descriptors[0]);
    close(descriptors[0]);
}

// Those behind the first have written nothing; the first may have written a part.
static void close_stream(struct actor *actor, struct random *random) {
    struct closer *closer = actor->data;
    static const enum stream streams[] = {PIPE, SMALL_PIPE, UNIX};
    static unsigned char bytes[65536];
    int ends[2], fill;
    size_t filled = 0, result = 0, got = 0;
    unsigned way = (unsigned)draw(random, 4);
    ssize_t count;
    open_stream(streams[draw(random, 3)], ends);
    fill = fcntl(ends[1], F_GETFL);
    fcntl(ends[1], F_SETFL, fill | O_NONBLOCK);
    while ((count = write(ends[1], bytes, sizeof bytes)) > 0) filled += (size_t)count;
    fcntl(ends[1], F_SETFL, fill);
    for (int i = 0; i < 4; i++) {
        struct request *request = &actor->request[i];
        prepare(request, WRITE, ends[1], 1 + draw(random, 20000), 0);
        notify_somehow(request, random);
        request->place = closer;
        submit(request);
    }
    for (int i = 0; i < 4; i++) actor->request[i].may_be_cancelled = true;
    int victim = close_and_open(ends[1], way, closer);
    begin("reading what is left in a stream that was closed");
    for (struct pollfd ready = {ends[0], POLLIN, 0};;) {
        // To its end, which comes when nobody writes any more.
        if (poll(&ready, 1, 100) < 1) continue;
        count = read(ends[0], bytes, sizeof bytes);
        if (count == 0 || (count < 0 && errno != EINTR)) break;
        if (count > 0) got += (size_t)count;
    }
    begin("waiting for writes of a stream that was closed");
    for (int i = 0; i < 4; i++) {
        struct request *request = &actor->request[i];
        while (!fetch(request)) nap(100);
        if (request->status != 0 && request->status != ECANCELED) broken(request, "status %d", request->status);
        if (request->status == 0) result += (size_t)request->result;
        request->place = NULL;
    }
    settle(actor, NULL);
    if (got != filled + result) broken(NULL, "%zu bytes came out of a stream, %zu and %zu were written", got, filled, result);
    check_victim(victim, way, closer);
    close(ends[0]);
}

void step_closer(struct actor *actor, struct random *random) {
    if (chance(random, 80)) close_file(actor, random);
    else close_stream(actor, random);
}

void finish_closer(struct actor *actor) { settle(actor, note_closed); }

// --- Children

// A child's requests, which it makes and fetches itself. 0, or the line that fails.
static int work_of_a_child(int file) {
    unsigned char bytes[8][512], back[8][512];
    struct aiocb controls[8], *list[8], read;
    struct timespec second = {1, 0};
    int ends[2];
    for (int i = 0; i < 8; i++) {
        fill_words(bytes[i], 512, (uint64_t)i * 64, 21);
        controls[i] = (struct aiocb){.aio_fildes = file, .aio_buf = bytes[i], .aio_nbytes = 512, .aio_offset = i * 512};
        controls[i].aio_sigevent.sigev_notify = SIGEV_NONE;
        controls[i].aio_lio_opcode = LIO_WRITE;
        list[i] = &controls[i];
    }
    while (lio_listio(LIO_WAIT, list, 8, NULL) != 0)
        if (errno != EINTR) return __LINE__;
        else break;
    for (int i = 0; i < 8; i++) {
        const struct aiocb *one[1] = {&controls[i]};
        while (aio_error(&controls[i]) == EINPROGRESS) aio_suspend(one, 1, &second);
        if (aio_error(&controls[i]) != 0 || aio_return(&controls[i]) != 512) return __LINE__;
        controls[i].aio_buf = back[i];
        if (aio_read(&controls[i]) != 0) return __LINE__;
    }
    if (pipe2(ends, O_CLOEXEC) != 0) return __LINE__;
    read = (struct aiocb){.aio_fildes = ends[0], .aio_buf = bytes, .aio_nbytes = 512};
    read.aio_sigevent.sigev_notify = SIGEV_NONE;
    if (aio_read(&read) != 0 || aio_error(&read) != EINPROGRESS) return __LINE__;
    for (int i = 0; i < 8; i++) {
        const struct aiocb *one[1] = {&controls[i]};
        while (aio_error(&controls[i]) == EINPROGRESS) aio_suspend(one, 1, NULL);
        if (aio_error(&controls[i]) != 0 || aio_return(&controls[i]) != 512) return __LINE__;
        if (!has_words(back[i], 512, (uint64_t)i * 64, 21)) return __LINE__;
    }
    if (aio_cancel(ends[0], &read) != AIO_CANCELED || aio_error(&read) != ECANCELED) return __LINE__;
    return 0;
}

static const char *const true_arguments[] = {"true", NULL};
extern char **environ;

void start_forks(struct actor *actor) {
    int program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    actor->data = malloc(actor->largest);
    if (read(program, actor->data, actor->largest) != (ssize_t)actor->largest) broken(NULL, "read of the program");
    close(program);
}

static void note_program(struct request *request) {
    is_whole_or_cancelled(request);
    if (memcmp(request->buffer, request->actor->data, request->size) != 0) broken(request, "other bytes than the program's");
}

void step_forks(struct actor *actor, struct random *random) {
    const int flags[1] = {O_RDWR};
    int file, status = 0;
    pid_t child;
    // Requests of the parent's, which no child ends.
    for (unsigned i = 0; i < actor->requests; i++) {
        struct request *request = &actor->request[i];
        prepare(request, READ, open("/proc/self/exe", O_RDONLY | O_CLOEXEC), 4096, 0);
        notify_somehow(request, random);
        submit(request);
    }
    if (chance(random, 25)) {
        if (posix_spawn(&child, "/bin/true", NULL, NULL, (char *const *)true_arguments, environ) != 0) child = -1;
        totals.spawns++;
    } else {
        bool is_wrong = wrong(BROKEN_CHILD);
        open_file(NULL, 1, &file, flags);
        child = fork();
        if (child == 0) {
            // The default: ends a child that hangs, and the parent sees by which signal.
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            alarm((unsigned)(bound / 10) + 1);
            int line = is_wrong ? __LINE__ : work_of_a_child(file);
            if (line) dprintf(STDERR_FILENO, "soak: %s:%d does not hold in a child\n", __FILE__, line);
            _exit(line ? 1 : 0);
        }
        close(file);
        totals.forks++;
    }
    if (child < 0) broken(NULL, "no child: %s", strerror(errno));
    begin("waiting for a child");
    while (waitpid(child, &status, 0) != child)
        if (errno != EINTR) broken(NULL, "waitpid: %s", strerror(errno));
    end();
    if (status != 0) broken(NULL, "a child ended with status %#x (its own message is above)", (unsigned)status);
    settle(actor, note_program);
    for (unsigned i = 0; i < actor->requests; i++) close(actor->request[i].control.aio_fildes);
    nap(2000 + (long)draw(random, 20000));
}

void finish_forks(struct actor *actor) { settle(actor, note_program); }

// --- Threads that are cancelled where they wait for requests

struct waiter {
    struct actor *actor;
    const struct aiocb *list[2];
    bool in_list;
    atomic_bool started, cleaned;
};

static void clean(void *argument) {
    struct waiter *waiter = argument;
    if (!wrong(SKIPPED_CLEANUP)) waiter->cleaned = true;
}

static void *wait_in_vain(void *argument) {
    struct waiter *waiter = argument;
    // A handler on top of a sleep that can be cancelled is cancelled with it, here as in the C library, and what it was told
    // would be lost: notifications go to other threads.
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGRTMIN + 1);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    pthread_cleanup_push(clean, waiter);
    waiter->started = true;
    if (waiter->in_list) {
        struct aiocb *list[2] = {(struct aiocb *)waiter->list[0], (struct aiocb *)waiter->list[1]};
        lio_listio(LIO_WAIT, list, 2, NULL);
        pthread_testcancel();
    }
    // Also where a signal has ended the wait for the list.
    while (aio_suspend(waiter->list, 1, NULL) != 0 && errno == EINTR) {}
    pthread_cleanup_pop(0);
    return waiter;
}

struct threads {
    int ends[2], file;
};

void start_cancelled_threads(struct actor *actor) {
    struct threads *threads = calloc(1, sizeof *threads);
    const int flags[1] = {O_RDWR};
    actor->data = threads;
    open_stream(PIPE, threads->ends);
    open_file(NULL, 1, &threads->file, flags);
    fill_words(actor->request[1].buffer, actor->largest, 0, 8);
    if (write(threads->file, actor->request[1].buffer, actor->largest) != (ssize_t)actor->largest)
        broken(NULL, "write: %s", strerror(errno));
}

static void note_of_thread(struct request *request) {
    is_whole_or_cancelled(request);
    if (request->size > 1 && request->status == 0 && !has_words(request->buffer, request->size, 0, 8))
        broken(request, "other bytes than the file's");
}

void step_cancelled_threads(struct actor *actor, struct random *random) {
    struct threads *threads = actor->data;
    struct request *idle = &actor->request[0], *other = &actor->request[1];
    struct waiter waiter = {.actor = actor, .list = {&idle->control, &other->control}, .in_list = chance(random, 40)};
    pthread_t thread;
    void *result;
    prepare(idle, READ, threads->ends[0], 1, 0);
    idle->may_wait = true;
    if (waiter.in_list) {
        prepare(other, READ, threads->file, 2 + draw(random, 60000), 0);
        idle->control.aio_sigevent.sigev_notify = other->control.aio_sigevent.sigev_notify = SIGEV_NONE;
    } else {
        submit(idle);
    }
    if (pthread_create(&thread, NULL, wait_in_vain, &waiter) != 0) broken(NULL, "pthread_create");
    begin("waiting for a thread to begin");
    while (!waiter.started) nap(20);
    end();
    if (chance(random, 80)) nap((long)draw(random, 400));
    if (chance(random, 15)) {
        // It comes to its end instead, as soon as the list is there.
        if (write(threads->ends[1], "x", 1) != 1) broken(NULL, "write: %s", strerror(errno));
        idle->may_be_cancelled = false;
    } else {
        pthread_cancel(thread);
        idle->may_be_cancelled = true;
        // Which ends no wait for a list.
        if (waiter.in_list && write(threads->ends[1], "x", 1) != 1) broken(NULL, "write: %s", strerror(errno));
    }
    bool cancelled = idle->may_be_cancelled;
    if (DOING("joining a cancelled thread", pthread_join(thread, &result)) != 0) broken(NULL, "pthread_join");
    if (cancelled != (result == PTHREAD_CANCELED)) broken(idle, "the thread was %s cancelled", cancelled ? "not" : "");
    if (cancelled && !waiter.cleaned) broken(idle, "the thread's cleanup handler did not run");
    totals.threads_cancelled += cancelled;
    if (waiter.in_list) {
        // The cancellation may have come before the list was submitted.
        idle->generation++;
        other->generation++;
        idle->since = other->since = tick;
        idle->notified = other->notified = 0;
        idle->list = other->list = NULL;
        idle->state = error_of(idle) == EINVAL ? FREE : IN_FLIGHT;
        other->state = error_of(other) == EINVAL ? FREE : IN_FLIGHT;
        if (idle->state != other->state) broken(idle, "one of a list was submitted, and the other not");
        totals.reads += 2;
    }
    idle->may_be_cancelled = true;
    if (idle->state == IN_FLIGHT && cancelled && !waiter.in_list) {
        // It goes on without the thread that waited for it.
        idle->may_wait = false;
        if (chance(random, 50)) cancel(idle);
        else if (write(threads->ends[1], "x", 1) != 1) broken(NULL, "write: %s", strerror(errno));
    }
    settle(actor, note_of_thread);
}

void finish_cancelled_threads(struct actor *actor) {
    struct threads *threads = actor->data;
    settle(actor, note_of_thread);
    if (!actor->ends) return;
    close(threads->ends[0]);
    close(threads->ends[1]);
    close(threads->file);
}
