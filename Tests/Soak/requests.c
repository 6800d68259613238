// One request from the call to its last notification. All calls of the library that matter are here, so that the program can
// act a broken library (`wrong`).
//
// A request's memory is used again only when its result was fetched and all its notifications are there. A token, the
// request's number and how often it was used, comes with each notification: one that comes twice, or late, is found.

#include "soak.h"
#include <poll.h>
#include <sys/eventfd.h>

enum { requests_most = 1024 };
static struct request *table[requests_most];
static uint32_t table_count;
struct totals totals;

struct request *request_of(uint32_t number) { return table[number]; }
uint32_t count_of_requests(void) { return table_count; }

static struct request *make(struct actor *actor, unsigned count, size_t largest) {
    struct request *made = calloc(count, sizeof *made);
    for (unsigned i = 0; i < count; i++) {
        if (table_count == requests_most) broken(NULL, "more than %d requests", requests_most);
        made[i].actor = actor;
        made[i].number = table_count;
        if (largest) made[i].buffer = aligned_buffer(largest);
        table[table_count++] = &made[i];
    }
    return made;
}

void make_requests(struct actor *actor) {
    actor->request = make(actor, actor->requests, actor->largest);
    actor->probe = make(actor, 1, 131072);
    actor->list = make(actor, 1, 0);
    actor->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (actor->event < 0) broken(NULL, "eventfd: %s", strerror(errno));
}

struct request *free_request(struct actor *actor) {
    for (unsigned i = 0; i < actor->requests; i++)
        if (actor->request[i].state == FREE) return &actor->request[i];
    return NULL;
}

unsigned count_in_flight(const struct actor *actor) {
    unsigned count = 0;
    for (unsigned i = 0; i < actor->requests; i++) count += actor->request[i].state == IN_FLIGHT;
    return count;
}

// --- Notifications

static uint64_t token_of(const struct request *request) { return (uint64_t)request->number << 32 | request->generation; }

static void check_ended(const struct request *of, struct request *request) {
    if (error_of(request) == EINPROGRESS || wrong(EARLY_NOTIFICATION))
        broken(of, "notified before the end of request %u", request->number);
}

static void notified(uint64_t token, const char *how) {
    struct request *request = token >> 32 < table_count ? table[token >> 32] : NULL;
    if (!request) broken(NULL, "%s notifies with a value that is nobody's: %#llx", how, (unsigned long long)token);
    if (wrong(LOST_NOTIFICATION)) return;
    bool once_more = wrong(TWO_NOTIFICATIONS);
    if (request->generation != (uint32_t)token || request->notified)
        broken(request, "notified twice, by %s: use %u, and now it is use %u", how, (uint32_t)token, request->generation);
    if (request->kind == LIST) {
        for (int i = 0; i < request->members; i++) check_ended(request, request->member[i]);
        totals.lists_notified++;
    } else {
        check_ended(request, request);
    }
    if (atomic_fetch_add(&request->notified, 1) != 0) broken(request, "notified twice, by %s", how);
    if (once_more) notified(token, how);
}

static void signalled(int number, siginfo_t *information, void *context) {
    int before = errno;
    (void)number, (void)context;
    if (information->si_code != SI_ASYNCIO) broken(NULL, "a signal with si_code %d", information->si_code);
    totals.signals++;
    notified((uint64_t)(uintptr_t)information->si_value.sival_ptr, "a signal");
    errno = before;
}

static void called(union sigval value) {
    totals.functions++;
    notified((uint64_t)(uintptr_t)value.sival_ptr, "a function");
}

void catch_notifications(void) {
    struct sigaction action = {.sa_sigaction = signalled, .sa_flags = SA_SIGINFO | SA_RESTART};
    OK(sigaction(SIGRTMIN + 1, &action, NULL));
    OK(sigaction(SIGRTMIN + 2, &action, NULL));
}

static void set_event(struct request *request, struct sigevent *event, enum notification notification) {
    memset(event, 0, sizeof *event);
    event->sigev_value.sival_ptr = (void *)(uintptr_t)token_of(request);
    switch (notification) {
    case SILENT: event->sigev_notify = SIGEV_NONE; break;
    case SIGNAL:
        event->sigev_notify = SIGEV_SIGNAL;
        event->sigev_signo = SIGRTMIN + 1;
        break;
    case TO_THREAD:
        event->sigev_notify = SIGEV_THREAD_ID;
        event->sigev_signo = SIGRTMIN + 2;
        event->_sigev_un._tid = gettid();
        break;
    case FUNCTION:
        event->sigev_notify = SIGEV_THREAD;
        event->sigev_notify_function = called;
        break;
    case EVENT:
        event->sigev_notify = KAIO_SIGEV_EVENTFD;
        event->sigev_value.sival_int = request->actor->event;
        request->actor->events_asked++;
        totals.events++;
        break;
    }
}

static enum notification some_notification(struct random *random) {
    static const enum notification choices[] = {SIGNAL, FUNCTION, EVENT, TO_THREAD};
    uint64_t choice = draw(random, 10);
    if (choice >= 4) return SILENT;
    // In its quiet time a thread is woken by what it waits for and by nothing else.
    return choices[choice] == TO_THREAD && !self->storm ? SIGNAL : choices[choice];
}

// Whether all that was asked for has come. An eventfd says for several that they should be looked at: see `settle`.
static bool is_notified(const struct request *request) {
    return request->notification == SILENT || request->notification == EVENT || request->notified;
}

// --- Submission

void prepare(struct request *request, enum kind kind, int descriptor, size_t size, off_t offset) {
    request->kind = kind;
    request->size = size;
    request->notification = SILENT;
    request->may_wait = false;
    request->control = (struct aiocb){
        .aio_fildes = descriptor, .aio_buf = request->buffer, .aio_nbytes = size, .aio_offset = offset};
    request->control.aio_lio_opcode = kind == READ ? LIO_READ : LIO_WRITE;
    request->vector[0].iov_base = NULL;
}

// Several buffers, one behind the other.
void split(struct request *request, struct random *random) {
    if (!aio_readv || request->size < 8) return;
    size_t at = 0, step = request->size / 4;
    if (step > 4096 && chance(random, 50)) step = step / 4096 * 4096;
    for (int i = 0; i < 4; i++) {
        size_t size = i < 3 ? step : request->size - at;
        request->vector[i] = (struct iovec){request->buffer + at, size};
        at += size;
    }
    request->control.aio_iov = request->vector;
    request->control.aio_iovcnt = 4;
}

void notify_by(struct request *request, enum notification notification) { request->notification = notification; }
void notify_somehow(struct request *request, struct random *random) { notify_by(request, some_notification(random)); }

// From now on it may be over at any time.
static void launch(struct request *request) {
    request->generation++;
    request->notified = 0;
    request->may_be_cancelled = false;
    request->list = NULL;
    request->since = tick;
    set_event(request, &request->control.aio_sigevent, request->notification);
    switch (request->kind) {
    case READ: totals.reads++; break;
    case WRITE: totals.writes++; break;
    default: totals.syncs++;
    }
    request->state = IN_FLIGHT;
}

void submit(struct request *request) {
    launch(request);
    int result;
    if (request->kind == SYNC) {
        result = aio_fsync(request->order % 2 ? O_SYNC : O_DSYNC, &request->control);
    } else if (request->vector[0].iov_base) {
        totals.vectors++;
        result = request->kind == READ ? aio_readv(&request->control) : aio_writev(&request->control);
    } else {
        result = request->kind == READ ? aio_read(&request->control) : aio_write(&request->control);
    }
    if (result != 0) broken(request, "the submission gives %d: %s", result, strerror(errno));
}

void submit_list(struct actor *actor, struct request *const requests[], int count, bool wait, struct random *random) {
    struct aiocb *list[members_most + 2];
    struct request *whole = actor->list;
    struct sigevent event;
    int length = 0;
    enum notification notification = wait ? SILENT : some_notification(random);
    if (notification == EVENT || whole->state != FREE) notification = SILENT;
    if (notification != SILENT) {
        whole->kind = LIST;
        whole->notification = notification;
        whole->members = 0;
        whole->notified = 0;
        whole->since = tick;
        whole->generation++;
        for (int i = 0; i < count; i++) whole->member[whole->members++] = requests[i];
        whole->state = IN_FLIGHT;
    }
    set_event(whole, &event, notification);
    for (int i = 0; i < count; i++) {
        launch(requests[i]);
        if (notification != SILENT) requests[i]->list = whole;
        if (i == 1) list[length++] = NULL;
        list[length++] = &requests[i]->control;
    }
    totals.lists++;
    int result = DOING(wait ? "lio_listio, LIO_WAIT" : "lio_listio",
                       lio_listio(wait ? LIO_WAIT : LIO_NOWAIT, list, length, notification == SILENT && wait ? NULL : &event));
    if (result != 0 && !(wait && errno == EINTR)) broken(requests[0], "lio_listio gives %d: %s", result, strerror(errno));
    if (wait && result == 0)
        for (int i = 0; i < count; i++)
            if (status_of(requests[i]) == EINPROGRESS) broken(requests[i], "in progress after LIO_WAIT");
}

// --- Results

// A result is in the hands of the program.
static void give(struct request *request, int status, ssize_t result) {
    if (request->kind != SYNC && status == 0 && wrong(SHORT_RESULT)) result -= 1;
    if (status == 0 && wrong(WRONG_STATUS)) status = EIO, result = -1;
    if (status == 0 && request->kind == READ && result > 0 && wrong(FLIPPED_BYTE)) request->buffer[result / 2] ^= 16;
    if (status == 0 && request->kind == WRITE && request->may_be_cancelled && wrong(CANCELLED_BUT_WRITTEN))
        status = ECANCELED, result = -1;
    if (status == EINPROGRESS || status < 0) broken(request, "aio_error gives %d", status);
    if (status == 0 ? result < 0 : result != -1)
        broken(request, "aio_error gives %d and aio_return %zd", status, result);
    if ((size_t)result > request->size && result > 0)
        broken(request, "%zd bytes of %zu", result, request->size);
    long took = tick - request->since;
    if (!request->may_wait && took > totals.longest) totals.longest = took;
    if (status == 0) totals.bytes += (unsigned long)result;
    if (status == ECANCELED) totals.cancelled++;
    request->status = status;
    request->result = result;
    request->state = FETCHED;
}

// Gives out what aio_waitcomplete and aio_waitn give, whose request it may be.
static void take_any(void) {
    struct aiocb *list[8], *control = NULL;
    struct timespec none = {0, 0};
    unsigned count = 1;
    if (totals.reads % 4 == 0) {
        int result = aio_waitn(list, 8, &count, &none);
        if (result != 0 && errno != ETIME && errno != EAGAIN && errno != EINTR) broken(NULL, "aio_waitn: %s", strerror(errno));
        for (unsigned i = 0; i < count; i++) {
            struct request *request = (struct request *)list[i];
            if (request->state != IN_FLIGHT) broken(request, "aio_waitn gives what is not in flight");
            int status = aio_error(list[i]);
            give(request, status, aio_return(list[i]));
        }
    } else {
        ssize_t result = aio_waitcomplete(&control, &none);
        int status = result < 0 ? errno : 0;
        if (!control) {
            if (status != EWOULDBLOCK && status != EINTR) broken(NULL, "aio_waitcomplete: %s", strerror(status));
            return;
        }
        struct request *request = (struct request *)control;
        if (request->state != IN_FLIGHT) broken(request, "aio_waitcomplete gives what is not in flight");
        give(request, status, result);
    }
}

// EINVAL where aio_error fails: as long as it is not submitted.
int error_of(const struct request *request) {
    int status = aio_error(&request->control);
    return status == -1 ? errno : status;
}

static const struct request *lost;  // is never over, as it were

bool fetch(struct request *request) {
    if (request->state != IN_FLIGHT) return request->state != FREE;
    if (collecting) {
        take_any();
        return request->state != IN_FLIGHT;
    }
    int status = error_of(request);
    if (status == EINPROGRESS) return false;
    if (!request->may_wait && wrong(LOST_COMPLETION)) lost = request;
    if (request == lost) return false;
    ssize_t result = aio_return(&request->control);
    int again = error_of(request);
    if (again != status) broken(request, "aio_error gave %d, and after aio_return %d", status, again);
    give(request, status, result);
    return true;
}

int status_of(struct request *request) {
    for (;;) {
        if (request->state != IN_FLIGHT) return request->status;
        int status = error_of(request);
        // Where others take results, one may have it in its hands.
        if (status != EINVAL) return status;
        sched_yield();
    }
}

// Its data may be there before its status is, where the thread that is about to publish it was stopped for a while.
int last_status(struct request *request) {
    int status;
    begin("waiting for the status of a write whose data is there");
    while ((status = status_of(request)) == EINPROGRESS) nap(20);
    end();
    return status;
}

void is_whole_or_cancelled(const struct request *request) {
    if (request->status == ECANCELED && request->may_be_cancelled) return;
    if (request->status != 0) broken(request, "status %d (%s)", request->status, strerror(request->status));
    if (request->kind != SYNC && (size_t)request->result != request->size)
        broken(request, "%zd bytes of %zu", request->result, request->size);
}

static void see_events(struct actor *actor) {
    uint64_t value;
    if (read(actor->event, &value, sizeof value) == sizeof value) actor->events_seen += value;
    // Each time that the kernel has one in its hands, and once when its status can be seen.
    if (actor->events_seen > 4 * actor->events_asked)
        broken(NULL, "the eventfd says %llu for %llu requests", (unsigned long long)actor->events_seen,
               (unsigned long long)actor->events_asked);
}

// What has its result and its notifications can be used again.
static void release(struct actor *actor) {
    struct request *list = actor->list;
    if (list->state != FREE && list->notified) {
        for (int i = 0; i < list->members; i++)
            if (list->member[i]->list == list) list->member[i]->list = NULL;
        list->state = FREE;
    }
    for (unsigned i = 0; i < actor->requests; i++) {
        struct request *request = &actor->request[i];
        if (request->state == OVER && !request->list && is_notified(request)) request->state = FREE;
    }
}

void collect(struct actor *actor, void (*handle)(struct request *)) {
    for (unsigned i = 0; i < actor->requests; i++) {
        struct request *request = &actor->request[i];
        if (request->state == IN_FLIGHT) fetch(request);
        if (request->state == FETCHED && !request->place) {
            if (handle) handle(request);
            request->state = OVER;
        }
    }
    if (actor->events_asked > actor->events_seen) see_events(actor);
    release(actor);
}

// --- Waiting

void nap(long microseconds) {
    struct timespec time = {0, microseconds * 1000};
    nanosleep(&time, NULL);
}

void rest(struct actor *actor, struct random *random) {
    const struct aiocb *list[128] = {NULL};
    int count = 0;
    bool may_wait = false;
    static const long timeouts[] = {0, 1000, 50000, 1000000, 10000000};
    long choice = (long)draw(random, 6);
    for (unsigned i = 0; i < actor->requests && count < 128; i++) {
        struct request *request = &actor->request[i];
        if (request->state != IN_FLIGHT) continue;
        if (request->may_wait) may_wait = true;
        list[count++] = &request->control;
        if (count < 128 && i % 5 == 0) list[count++] = NULL;
    }
    if (count == 0) return;
    // Nothing may come of these until this actor does more.
    if (may_wait && !actor->moves) choice %= 3;
    if (wrong(STUCK_CALL)) {
        begin("a call that never returns");
        for (;;) pause();
    }
    if (collecting) {
        // Others may take what this would wait for.
        struct timespec timeout = {0, choice == 5 ? 1000000 : timeouts[choice]};
        aio_suspend(list, count, &timeout);
        return;
    }
    struct timespec timeout = {0, choice == 5 ? 0 : timeouts[choice]};
    int64_t start = nanoseconds();
    int result = DOING(choice == 5 ? "aio_suspend without a timeout" : "aio_suspend",
                       aio_suspend(list, count, choice == 5 ? NULL : &timeout));
    int error = errno;
    if (result == 0) {
        bool any = false;
        for (int i = 0; i < count; i++) any = any || (list[i] && aio_error(list[i]) != EINPROGRESS);
        if (!any) broken(NULL, "aio_suspend gives 0, and all %d of its list are in progress", count);
    } else if (error == EAGAIN && choice != 5) {
        if (nanoseconds() - start < timeouts[choice]) broken(NULL, "aio_suspend is back before its time");
    } else if (error != EINTR) {
        broken(NULL, "aio_suspend gives %d: %s", result, strerror(error));
    }
}

void settle(struct actor *actor, void (*handle)(struct request *)) {
    begin("waiting for the last results and notifications");
    for (unsigned waited = 0;; waited++) {
        collect(actor, handle);
        if (actor->events_asked > actor->events_seen) see_events(actor);
        bool busy = actor->list->state != FREE || actor->events_asked > actor->events_seen;
        for (unsigned i = 0; i < actor->requests; i++) busy = busy || actor->request[i].state != FREE;
        if (!busy) break;
        nap(waited < 100 ? 100 : 2000);
    }
    // More may come for each, and later: from now on nobody counts on them.
    see_events(actor);
    end();
}

// --- Cancellation

void cancel(struct request *request) {
    request->may_be_cancelled = true;
    int answer = DOING("aio_cancel of one", aio_cancel(request->control.aio_fildes, &request->control));
    int status = collecting ? 0 : error_of(request);
    if (answer < 0) broken(request, "aio_cancel: %s", strerror(errno));
    if (collecting) return;
    if (answer == AIO_CANCELED && status != ECANCELED) broken(request, "AIO_CANCELED, and the status is %d", status);
    if (answer == AIO_ALLDONE && status == EINPROGRESS) broken(request, "AIO_ALLDONE, and it is in progress");
    if (answer == AIO_NOTCANCELED) {
        if (status == ECANCELED) broken(request, "AIO_NOTCANCELED, and the status is ECANCELED");
        request->may_be_cancelled = false;
    }
}

void cancel_all(struct actor *actor, int descriptor) {
    for (unsigned i = 0; i < actor->requests; i++) {
        struct request *request = &actor->request[i];
        if (request->state == IN_FLIGHT && request->control.aio_fildes == descriptor) request->may_be_cancelled = true;
    }
    int answer = DOING("aio_cancel of all", aio_cancel(descriptor, NULL));
    if (answer < 0) broken(NULL, "aio_cancel of all on %d: %s", descriptor, strerror(errno));
    if (collecting || answer == AIO_NOTCANCELED) return;
    for (unsigned i = 0; i < actor->requests; i++) {
        struct request *request = &actor->request[i];
        if (request->state == IN_FLIGHT && request->control.aio_fildes == descriptor &&
            error_of(request) == EINPROGRESS)
            broken(request, "aio_cancel of all gives %d, and one is in progress", answer);
    }
}

// --- The handler of the timer, which fetches a request of the thread that it interrupts

static int probed = -1;
enum { probed_size = 1 << 20 };

static void verify_probe(struct request *probe) {
    is_whole_or_cancelled(probe);
    if (!has_words(probe->buffer, probe->size, (uint64_t)probe->control.aio_offset / 8, 99)) broken(probe, "other bytes than the file's");
    probe->state = FREE;
}

void tend_probe(void) {
    struct request *probe = self->probe;
    if (probe->state == FETCHED) verify_probe(probe);
    if (!self->storm && probe->state == IN_FLIGHT && fetch(probe)) verify_probe(probe);
    if (!self->storm || probe->state != FREE || stopping) return;
    struct random random = {seed ^ mix(self->index) ^ self->steps * 77};
    size_t size = (chance(&random, 90) ? 1 + draw(&random, 512) : 1 + draw(&random, 16384)) * 8;
    prepare(probe, READ, probed, size, (off_t)draw(&random, (probed_size - size) / 8) * 8);
    memset(probe->buffer, 0, size);
    submit(probe);
}

void visit(int number) {
    static __thread unsigned visits;
    int before = errno;
    struct actor *actor = self;
    (void)number;
    totals.handlers++;
    if (actor && actor->requests) {
        visits++;
        // Whatever the thread is doing with it at the moment.
        aio_error(&actor->request[visits % actor->requests].control);
        struct request *probe = actor->probe;
        if (probe->state == IN_FLIGHT && !collecting) {
            int status = error_of(probe);
            if (status == EINPROGRESS) {
                const struct aiocb *list[1] = {&probe->control};
                struct timespec timeout = {0, visits % 4 == 0 ? 20000 : 0};
                if (aio_suspend(list, 1, &timeout) != 0 && errno != EAGAIN && errno != EINTR)
                    broken(probe, "aio_suspend in a handler: %s", strerror(errno));
                status = error_of(probe);
            }
            // EINVAL: the thread is about to submit it.
            if (status != EINPROGRESS && status != EINVAL) {
                give(probe, status, aio_return(&probe->control));
                totals.fetched_by_handlers++;
            }
        }
    }
    errno = before;
}

void make_probed(void) {
    const int flags[1] = {O_RDWR};
    unsigned char *bytes = aligned_buffer(probed_size);
    open_file(NULL, 1, &probed, flags);
    fill_words(bytes, probed_size, 0, 99);
    if (write(probed, bytes, probed_size) != probed_size) broken(NULL, "write: %s", strerror(errno));
    free(bytes);
}
