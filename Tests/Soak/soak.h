// What the parts of the soak share; soak.c says what it is for.
//
// An actor is a thread that takes one step after the other. What a step chooses comes from the seed, the actor and the
// number of the step alone, so a seed gives the same steps again; what meets what is the machine's affair. Each request
// has a number in a table of all, and is the actor's own: free, in flight, or over (fetched, maybe not notified yet).

#ifndef KAIO_SOAK_H
#define KAIO_SOAK_H

#include "../Conformance/check.h"
#include <kaio.h>
#include <stdbool.h>

// Where the library has them, which a plain program learns at run time.
#pragma weak kaio_version
#pragma weak aio_readv
#pragma weak aio_writev
#pragma weak aio_waitcomplete
#pragma weak aio_waitn

struct random {
    uint64_t state;
};

static UNUSED uint64_t mix(uint64_t x) {
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ x >> 27) * 0x94d049bb133111ebull;
    return x ^ x >> 31;
}

static UNUSED uint64_t draw(struct random *random, uint64_t below) {
    random->state += 0x9e3779b97f4a7c15ull;
    return mix(random->state) % below;
}

static UNUSED bool chance(struct random *random, unsigned percent) { return draw(random, 100) < percent; }

// --- soak.c: the run

// What the program does wrong on purpose, to see that it is noticed: soak --break NAME.
enum fault {
    NO_FAULT,
    LOST_COMPLETION,
    FLIPPED_BYTE,
    FLIPPED_BYTE_OF_A_FILE,
    SHORT_RESULT,
    WRONG_STATUS,
    CANCELLED_BUT_WRITTEN,
    LOST_NOTIFICATION,
    TWO_NOTIFICATIONS,
    EARLY_NOTIFICATION,
    LOST_BYTE_OF_A_STREAM,
    STRAY_WRITE,
    STUCK_CALL,
    SKIPPED_CLEANUP,
    BROKEN_CHILD,
    LEAKED_MEMORY,
    LEAKED_DESCRIPTOR,
    LEAKED_THREAD,
    FAULTS
};

extern uint64_t seed;
extern bool collecting;        // aio_waitcomplete and aio_waitn take all results of this process
extern atomic_bool stopping;
extern atomic_long tick;       // tenths of a second that the watchdog has been running for
extern long bound;             // ticks that something may be outstanding

// True at the moment, or the moments, in which the program is to do this wrong.
bool wrong(enum fault fault);

// The run has failed: says what, and all that is needed to see why, and ends it. May be called in a handler.
struct request;
void broken(const struct request *request, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));

// --- actors

struct actor {
    const char *name;
    void (*start)(struct actor *);
    void (*step)(struct actor *, struct random *);
    void (*finish)(struct actor *);  // nothing of it is in flight afterwards, and its data is checked
    int kind;                        // for the functions above
    unsigned requests;               // so many at a time
    size_t largest;                  // bytes of one

    // The rest is set by the run.
    void *data;
    unsigned index;
    struct request *request;  // its `requests` requests
    struct request *probe;    // fetched by the handler of the timer
    struct request *list;     // stands for a list that notifies
    int event;                // an eventfd for notifications, and how many were asked for and seen
    uint64_t events_asked, events_seen;
    bool ends;   // `finish` is for the last time, and closes what it has
    bool moves;  // something of it will end by itself, though requests may wait
    atomic_ulong steps;
    _Atomic(const char *) doing;  // the call that it is in, since when
    atomic_long since;
    atomic_int thread;
    bool storm;
    pthread_t handle;
};

extern struct actor *actors;
extern unsigned actor_count;
extern __thread struct actor *self;

static UNUSED void begin(const char *what) {
    if (!self) return;
    self->since = tick;
    self->doing = what;
}

static UNUSED void end(void) {
    if (self) self->doing = NULL;
}

// What the watchdog should see of a call that may take long.
#define DOING(what, call)                                           \
    ({                                                              \
        bool outer_ = self && self->doing; /* for what it is done */ \
        if (!outer_) begin(what);                                   \
        __typeof__(call) result_ = call;                            \
        if (!outer_) end();                                         \
        result_;                                                    \
    })

// --- requests.c: from the call to the last notification

enum kind { READ, WRITE, SYNC, LIST };
enum notification { SILENT, SIGNAL, TO_THREAD, FUNCTION, EVENT };
enum { FREE, IN_FLIGHT, FETCHED, OVER };  // OVER: its actor has seen the result
enum { members_most = 16 };

struct request {
    struct aiocb control;
    struct actor *actor;
    uint32_t number;
    atomic_uint generation;
    atomic_int state, notified;
    atomic_long since;
    atomic_bool may_wait;  // for what only its actor will do: an idle stream
    enum kind kind;
    enum notification notification;
    unsigned char *buffer;
    size_t size;
    struct iovec vector[4];
    bool may_be_cancelled;  // aio_cancel or a close could have meant it
    int status;
    ssize_t result;
    struct request *list, *member[members_most];
    int members;
    // The actor's own. As long as `place` is not NULL, the request is not over for it.
    uint64_t order, first, count;
    void *place;
};

struct totals {
    atomic_ulong reads, writes, syncs, lists, bytes, cancelled, vectors;
    atomic_ulong signals, functions, events, lists_notified, handlers, fetched_by_handlers;
    atomic_ulong closes, forks, spawns, threads_cancelled, streams, checks;
    atomic_long longest;  // ticks
};
extern struct totals totals;

void make_requests(struct actor *actor);
void catch_notifications(void);
struct request *request_of(uint32_t number);
uint32_t count_of_requests(void);

struct request *free_request(struct actor *actor);
unsigned count_in_flight(const struct actor *actor);

// What the next submission will be; then one of the calls.
void prepare(struct request *request, enum kind kind, int descriptor, size_t size, off_t offset);
void split(struct request *request, struct random *random);
void notify_by(struct request *request, enum notification notification);
void notify_somehow(struct request *request, struct random *random);
void submit(struct request *request);
void submit_list(struct actor *actor, struct request *const requests[], int count, bool wait, struct random *random);

// Its status as aio_error has it, for who has it; EINVAL where it was never submitted.
int error_of(const struct request *request);
// Fetches the result if the request is over. True if it is, now or before.
bool fetch(struct request *request);
// Fetches all that are over, and calls `handle`, if there is one, once for each.
void collect(struct actor *actor, void (*handle)(struct request *));
// Its status for others than its actor too.
int status_of(struct request *request);
// The same when it is over, which it is, but for its status.
int last_status(struct request *request);
// Its result must be one of these: all bytes, or cancelled where that was asked for.
void is_whole_or_cancelled(const struct request *request);

void cancel(struct request *request);
void cancel_all(struct actor *actor, int descriptor);
// Waits for one of those in flight, or so long.
void rest(struct actor *actor, struct random *random);
// Waits until none is in flight and all notifications are there.
void settle(struct actor *actor, void (*handle)(struct request *));
void nap(long microseconds);

// The request that the timer's handler fetches, of a file that all have in common.
void make_probed(void);
void tend_probe(void);
void visit(int number);

// --- model.c: what the bytes of a file must be

struct model;
struct model *make_model(size_t cell, unsigned cells);
void reset_model(struct model *model, int descriptor);
size_t cell_size(const struct model *model);
unsigned cell_count(const struct model *model);
// Held from model_read or model_write to the end of the call that submits, so that their order is the calls'.
void lock_model(struct model *model);
void unlock_model(struct model *model);
bool model_has_room(const struct model *model);
void model_write(struct model *model, struct request *request, unsigned first, unsigned count);
void model_read(struct model *model, struct request *request, unsigned first, unsigned count);
// A request is over: checks what was read, and learns whether a write was done.
void model_learn(struct model *model, struct request *request);
// Nothing is in flight: all of the file must be what it should be.
void check_model(struct model *model, int descriptor);

// Bytes that say where they belong.
void fill_words(void *buffer, size_t size, uint64_t first, uint64_t key);
bool has_words(const void *buffer, size_t size, uint64_t first, uint64_t key);

// Opens a new file twice or more often; it has no name afterwards.
void open_file(const char *directory, int count, int descriptors[], const int flags[]);

// --- the actors: files.c, streams.c, lives.c

enum { BUFFERED, DIRECT, MIXED, SHARED, MEMORY };  // files
enum { PIPES, SOCKETS, TERMINALS };                // flows

#define ACTOR(name) \
    void start_##name(struct actor *), step_##name(struct actor *, struct random *), finish_##name(struct actor *)
ACTOR(file);
ACTOR(append);
ACTOR(flows);
ACTOR(counters);
ACTOR(idle);
ACTOR(closer);
ACTOR(forks);
ACTOR(cancelled_threads);
#undef ACTOR

// A pair of descriptors for each kind of stream: what is written to the second comes out of the first.
enum stream { PIPE, SMALL_PIPE, POLITE_PIPE, FIFO, UNIX, TCP, DATAGRAMS, TERMINAL };
void open_stream(enum stream stream, int ends[2]);

// --- watch.c: the watchdog, the figures of the process, the report

void say_request(const struct request *request);
void say_state(void);
void watch(void);
void sample(void);
void judge(void);
void report(double seconds);

#endif
