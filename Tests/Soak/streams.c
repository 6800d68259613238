// Streams: every byte once, in order. An actor drives both ends of several; another holds reads of what is idle, and cancels
// and closes.

#include "soak.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <termios.h>

static void fails(const char *what) { broken(NULL, "%s: %s", what, strerror(errno)); }

static void open_terminal(int ends[2]) {
    struct termios settings;
    ends[1] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (ends[1] < 0 || grantpt(ends[1]) != 0 || unlockpt(ends[1]) != 0) fails("posix_openpt");
    char name[64];
    if (ptsname_r(ends[1], name, sizeof name) != 0) fails("ptsname_r");
    ends[0] = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (ends[0] < 0 || tcgetattr(ends[0], &settings) != 0) fails(name);
    cfmakeraw(&settings);
    if (tcsetattr(ends[0], TCSANOW, &settings) != 0) fails("tcsetattr");
}

static void open_tcp(int ends[2]) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) != 0)
        fails("a TCP socket");
    ends[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (ends[1] < 0 || connect(ends[1], (struct sockaddr *)&address, length) != 0) fails("connect");
    do ends[0] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    while (ends[0] < 0 && errno == EINTR);
    if (ends[0] < 0) fails("accept");
    setsockopt(ends[1], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    close(listener);
}

static void open_fifo(int ends[2]) {
    static atomic_int count;
    char path[PATH_MAX], name[64];
    snprintf(name, sizeof name, "soak-fifo-%d-%d", getpid(), count++);
    path_of(path, name);
    if (mkfifo(path, 0600) != 0) fails("mkfifo");
    // For both directions, so that neither open waits, and neither end can be polled by the kernel's AIO.
    ends[0] = open(path, O_RDWR | O_CLOEXEC);
    ends[1] = open(path, O_RDWR | O_CLOEXEC);
    if (ends[0] < 0 || ends[1] < 0) fails("a FIFO");
    unlink(path);
}

void open_stream(enum stream stream, int ends[2]) {
    switch (stream) {
    case PIPE:
        if (pipe2(ends, O_CLOEXEC) != 0) fails("pipe2");
        break;
    case SMALL_PIPE:
        if (pipe2(ends, O_CLOEXEC) != 0 || fcntl(ends[1], F_SETPIPE_SZ, 4096) < 0) fails("a small pipe");
        break;
    case POLITE_PIPE:
        if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) fails("pipe2");
        break;
    case FIFO: open_fifo(ends); break;
    case UNIX:
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) fails("socketpair");
        break;
    case TCP: open_tcp(ends); break;
    case DATAGRAMS:
        if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) != 0) fails("socketpair");
        break;
    case TERMINAL: open_terminal(ends); break;
    }
}

// --- Flows

// What is written is a row of records, each with its length and its number, so that a reader sees which are missing:
// those that were cancelled and no others.
struct record {
    uint32_t length, mark;
    uint64_t number;
};
enum { mark = 0x6b61696f, record_largest = 16384, queue_most = 8, states_most = 256 };

struct flow {
    int in, out;
    bool messages, polite;
    size_t largest;
    uint64_t key, written, arrived;       // numbers of the next record of each end
    unsigned char was_cancelled[states_most];  // by the number of the record
    struct request *reads[queue_most];    // in the order of the calls
    int read_count, write_count;
    unsigned char record[record_largest];  // the beginning of the next record
    size_t have;
    uint64_t bytes_sent, bytes_taken;
    long moved;  // the tick at which it was last seen moving, or having no reason to
};

struct flows {
    struct flow flow[4];
    int count, ends[4][2], pairs;
};

static void take_record(struct flow *flow, const struct request *read) {
    struct record head;
    memcpy(&head, flow->record, sizeof head);
    if (head.number - flow->arrived >= states_most || head.number >= flow->written)
        broken(read, "record %llu came where %llu was next", (unsigned long long)head.number, (unsigned long long)flow->arrived);
    for (; flow->arrived < head.number; flow->arrived++)
        if (!flow->was_cancelled[flow->arrived % states_most])
            broken(read, "record %llu is lost, %llu came", (unsigned long long)flow->arrived, (unsigned long long)head.number);
    if (flow->was_cancelled[head.number % states_most])
        broken(read, "record %llu was cancelled, and came", (unsigned long long)head.number);
    if (!has_words(flow->record + sizeof head, head.length - sizeof head, head.number << 20, flow->key))
        broken(read, "record %llu has other bytes", (unsigned long long)head.number);
    flow->arrived++;
}

static void take_bytes(struct flow *flow, const struct request *read) {
    const unsigned char *bytes = read->buffer;
    size_t left = (size_t)read->result;
    if (left > 1 && wrong(LOST_BYTE_OF_A_STREAM)) bytes++, left--;
    flow->bytes_taken += left;
    while (left > 0) {
        struct record head = {sizeof head, mark, 0};
        if (flow->have >= sizeof head) {
            memcpy(&head, flow->record, sizeof head);
            if (head.mark != mark || head.length > flow->largest || head.length < sizeof head)
                broken(read, "no record where one should begin, behind record %llu", (unsigned long long)flow->arrived - 1);
        }
        size_t count = head.length - flow->have;
        if (count > left) count = left;
        memcpy(flow->record + flow->have, bytes, count);
        flow->have += count;
        bytes += count;
        left -= count;
        if (flow->have < sizeof head) break;
        memcpy(&head, flow->record, sizeof head);
        if (head.length == flow->have) {
            take_record(flow, read);
            flow->have = 0;
        }
    }
    if (flow->messages && flow->have) broken(read, "a datagram of %zd bytes is not a record", read->result);
}

static void note_flow(struct request *request) {
    struct flow *flow = request->place;
    flow->moved = tick;
    bool nothing = (request->status == ECANCELED && request->may_be_cancelled) || (request->status == EAGAIN && flow->polite);
    if (!nothing && request->status != 0) broken(request, "status %d (%s)", request->status, strerror(request->status));
    if (request->kind == WRITE) {
        flow->write_count--;
        if (nothing) {
            flow->was_cancelled[request->order % states_most] = true;
        } else {
            if ((size_t)request->result != request->size) broken(request, "%zd of %zu bytes", request->result, request->size);
            flow->bytes_sent += request->size;
        }
        return;
    }
    if (!nothing && request->result == 0) broken(request, "the end of a stream that has none");
    // Those called before it may not be looked at yet: their bytes come first.
    request->first = nothing ? 2 : 1;
}

static void open_flow(struct flow *flow, int in, int out, enum stream stream) {
    static atomic_ulong flows;
    flow->in = in;
    flow->out = out;
    flow->messages = stream == DATAGRAMS;
    flow->polite = stream == POLITE_PIPE;
    flow->largest = stream == DATAGRAMS || stream == POLITE_PIPE ? 4096 : record_largest;
    flow->key = ++flows;
    flow->moved = tick;
}

void start_flows(struct actor *actor) {
    struct flows *flows = calloc(1, sizeof *flows);
    static const enum stream kinds[][4] = {
        [PIPES] = {PIPE, SMALL_PIPE, POLITE_PIPE, FIFO}, [SOCKETS] = {UNIX, TCP, DATAGRAMS}, [TERMINALS] = {TERMINAL, TERMINAL}};
    actor->data = flows;
    for (int i = 0; flows->count < 4; i++) {
        int *ends = flows->ends[flows->pairs++];
        enum stream stream = kinds[actor->kind][i];
        open_stream(stream, ends);
        open_flow(&flows->flow[flows->count++], ends[0], ends[1], stream);
        // Both ways at once.
        if (stream == UNIX || stream == TERMINAL) open_flow(&flows->flow[flows->count++], ends[1], ends[0], stream);
        totals.streams++;
    }
}

// Bytes in the order of the calls that read them.
static void drain_reads(struct flow *flow) {
    int done = 0;
    for (; done < flow->read_count && flow->reads[done]->first; done++) {
        struct request *read = flow->reads[done];
        if (read->first == 1) take_bytes(flow, read);
        read->place = NULL;
    }
    flow->read_count -= done;
    memmove(flow->reads, flow->reads + done, (size_t)flow->read_count * sizeof *flow->reads);
}

static void collect_flows(struct actor *actor) {
    struct flows *flows = actor->data;
    for (unsigned i = 0; i < actor->requests; i++) fetch(&actor->request[i]);
    // Writes first: what a reader misses must be known to be cancelled. A read is held until those before it are over.
    for (int kind = WRITE; kind >= READ; kind--)
        for (unsigned i = 0; i < actor->requests; i++) {
            struct request *request = &actor->request[i];
            if (request->state != FETCHED || (int)request->kind != kind || !request->place || request->first) continue;
            note_flow(request);
            if (kind == WRITE) request->place = NULL;
        }
    actor->moves = false;
    for (int i = 0; i < flows->count; i++) {
        struct flow *flow = &flows->flow[i];
        drain_reads(flow);
        bool moves = flow->read_count > 0 && (flow->write_count > 0 || flow->bytes_sent > flow->bytes_taken);
        actor->moves |= moves;
        if (!moves) flow->moved = tick;
        if (tick - flow->moved > bound)
            broken(flow->reads[0], "stream %d to %d stands still: %d reads and %d writes in flight, %llu bytes between them",
                   flow->out, flow->in, flow->read_count, flow->write_count,
                   (unsigned long long)(flow->bytes_sent - flow->bytes_taken));
    }
    collect(actor, NULL);
    // What that has fetched is to be looked at before anything is waited for.
    for (unsigned i = 0; i < actor->requests; i++) {
        struct request *request = &actor->request[i];
        if (request->state == FETCHED && request->place && !request->first) actor->moves = false;
    }
}

static void write_flow(struct actor *actor, struct flow *flow, struct random *random) {
    struct flows *flows = actor->data;
    struct request *request = free_request(actor);
    unsigned writes = 0;
    for (int i = 0; i < flows->count; i++) writes += (unsigned)flows->flow[i].write_count;
    // The other half is for reads, without which no write would end.
    if (!request || writes >= actor->requests / 2) return;
    if (flow->write_count == queue_most || flow->written - flow->arrived >= states_most) return;
    size_t size = sizeof(struct record) + draw(random, chance(random, 75) ? 200 : flow->largest - sizeof(struct record));
    struct record head = {(uint32_t)size, mark, flow->written};
    prepare(request, WRITE, flow->out, size, 0);
    memcpy(request->buffer, &head, sizeof head);
    fill_words(request->buffer + sizeof head, size - sizeof head, head.number << 20, flow->key);
    if (!flow->polite && chance(random, 10)) split(request, random);
    notify_somehow(request, random);
    request->may_wait = true;
    request->order = flow->written;
    request->first = 0;
    request->place = flow;
    flow->was_cancelled[flow->written++ % states_most] = false;
    flow->write_count++;
    submit(request);
}

static void read_flow(struct actor *actor, struct flow *flow, struct random *random) {
    struct request *request = free_request(actor);
    if (!request || flow->read_count == queue_most) return;
    size_t size = flow->messages ? flow->largest : 1 + draw(random, chance(random, 30) ? 300 : actor->largest);
    prepare(request, READ, flow->in, size, 0);
    if (!flow->messages && chance(random, 10)) split(request, random);
    notify_somehow(request, random);
    request->may_wait = true;
    request->first = 0;
    request->place = flow;
    flow->reads[flow->read_count++] = request;
    submit(request);
}

void step_flows(struct actor *actor, struct random *random) {
    struct flows *flows = actor->data;
    struct flow *flow = &flows->flow[draw(random, (uint64_t)flows->count)];
    uint64_t choice = draw(random, 1000);
    collect_flows(actor);
    if (choice < 330) {
        write_flow(actor, flow, random);
    } else if (choice < 660) {
        read_flow(actor, flow, random);
    } else if (choice < 740) {
        struct request *request = &actor->request[draw(random, actor->requests)];
        if (request->state == IN_FLIGHT) cancel(request);
    } else if (choice < 745) {
        cancel_all(actor, chance(random, 50) ? flow->in : flow->out);
    } else if (choice < 746) {
        actor->finish(actor);
    } else {
        rest(actor, random);
    }
}

// All that was sent is read; then the reads that are left have nothing to read.
void finish_flows(struct actor *actor) {
    struct flows *flows = actor->data;
    struct random random = {seed + actor->steps};
    for (int i = 0; i < flows->count; i++) {
        struct flow *flow = &flows->flow[i];
        while (collect_flows(actor), flow->write_count > 0 || flow->bytes_sent > flow->bytes_taken) {
            if (flow->read_count < queue_most) read_flow(actor, flow, &random);
            // Idle reads of others may have all requests.
            for (int j = 0; flow->read_count == 0 && j < flows->count; j++)
                if (flows->flow[j].read_count > 0) cancel_all(actor, flows->flow[j].in);
            rest(actor, &random);
        }
        if (flow->have) broken(NULL, "a stream ends in the middle of record %llu", (unsigned long long)flow->arrived);
        for (; flow->arrived < flow->written; flow->arrived++)
            if (!flow->was_cancelled[flow->arrived % states_most])
                broken(NULL, "record %llu of a stream never came", (unsigned long long)flow->arrived);
        // Where the thread that looks at one is stopped just then, it is not cancelled at first.
        begin("cancelling reads of a stream that has no more bytes");
        for (; collect_flows(actor), flow->read_count > 0; nap(100))
            for (int j = 0; j < flow->read_count; j++)
                if (flow->reads[j]->state == IN_FLIGHT) cancel(flow->reads[j]);
        end();
        totals.checks++;
    }
    settle(actor, NULL);
    for (int i = 0; actor->ends && i < 2 * flows->pairs; i++) close(flows->ends[i / 2][i % 2]);
}

// --- Eventfds: what is added is read, in any portions

struct counters {
    int descriptor[4];
    uint64_t added[4], taken[4];
};

void start_counters(struct actor *actor) {
    struct counters *counters = calloc(1, sizeof *counters);
    actor->data = counters;
    for (int i = 0; i < 4; i++) {
        counters->descriptor[i] = eventfd(0, EFD_CLOEXEC | (i % 2 ? EFD_SEMAPHORE : 0));
        if (counters->descriptor[i] < 0) fails("eventfd");
    }
}

static void note_counter(struct request *request) {
    struct counters *counters = request->actor->data;
    uint64_t value;
    is_whole_or_cancelled(request);
    if (request->status != 0) return;
    memcpy(&value, request->buffer, sizeof value);
    if (request->kind == WRITE) counters->added[request->order] += value;
    else counters->taken[request->order] += value;
}

void step_counters(struct actor *actor, struct random *random) {
    struct counters *counters = actor->data;
    struct request *request;
    uint64_t which = draw(random, 4), choice = draw(random, 100), value;
    collect(actor, note_counter);
    if (choice < 60 && (request = free_request(actor))) {
        prepare(request, choice < 25 ? READ : WRITE, counters->descriptor[which], 8, 0);
        value = 1 + draw(random, which % 2 ? 3 : 1000);
        memcpy(request->buffer, &value, sizeof value);
        notify_somehow(request, random);
        request->may_wait = true;
        request->order = which;
        submit(request);
    } else if (choice < 70) {
        request = &actor->request[draw(random, actor->requests)];
        if (request->state == IN_FLIGHT) cancel(request);
    } else if (choice < 71) {
        actor->finish(actor);
    } else {
        rest(actor, random);
    }
}

void finish_counters(struct actor *actor) {
    struct counters *counters = actor->data;
    // Reads of an eventfd that is 0 have nothing to read; all others end by themselves.
    begin("waiting for reads of eventfds that are not 0");
    for (;;) {
        bool waits = false;
        collect(actor, note_counter);
        for (unsigned i = 0; i < actor->requests; i++) {
            struct request *request = &actor->request[i];
            if (request->state != IN_FLIGHT) continue;
            struct pollfd ready = {request->control.aio_fildes, POLLIN, 0};
            waits = waits || request->kind == WRITE || (poll(&ready, 1, 0) == 1 && ready.revents);
        }
        if (!waits) break;
        nap(200);
    }
    for (int i = 0; i < 4; i++) cancel_all(actor, counters->descriptor[i]);
    settle(actor, note_counter);
    for (int i = 0; i < 4; i++) {
        struct pollfd ready = {counters->descriptor[i], POLLIN, 0};
        uint64_t value;
        while (poll(&ready, 1, 0) == 1 && read(counters->descriptor[i], &value, sizeof value) == sizeof value)
            counters->taken[i] += value;
        if (counters->taken[i] != counters->added[i])
            broken(NULL, "%llu were added to an eventfd, and %llu taken", (unsigned long long)counters->added[i],
                   (unsigned long long)counters->taken[i]);
        if (actor->ends) close(counters->descriptor[i]);
    }
    totals.checks++;
}

// --- What is idle

enum { idle_most = 24, idle_kinds = 7 };

struct idle {
    int ends[idle_most][2];  // what is read, and what makes it readable; -1
    int kind[idle_most];
};

static void open_idle(struct idle *idle, int which) {
    static const enum stream streams[] = {PIPE, UNIX, TERMINAL, TCP, FIFO};
    int *ends = idle->ends[which], kind = idle->kind[which] = which % idle_kinds;
    if (kind < 5) {
        open_stream(streams[kind], ends);
    } else {
        ends[0] = kind == 5 ? eventfd(0, EFD_CLOEXEC) : timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
        ends[1] = -1;
        if (ends[0] < 0) fails("an eventfd or a timerfd");
    }
    totals.streams++;
}

void start_idle(struct actor *actor) {
    struct idle *idle = calloc(1, sizeof *idle);
    actor->data = idle;
    for (int i = 0; i < idle_most; i++) open_idle(idle, i);
}

static void note_idle(struct request *request) {
    uint64_t expected = request->order;  // what it was told to expect: bytes, or ECANCELED and the like as it is below
    if (request->first == 0) broken(request, "an idle read is over: status %d, result %zd", request->status, request->result);
    if (request->first == 1 && (request->status != 0 || request->result != (ssize_t)expected))
        broken(request, "status %d, result %zd, should be %llu bytes", request->status, request->result, (unsigned long long)expected);
    if (request->first == 2 && request->status != ECANCELED)
        broken(request, "status %d, result %zd, should be cancelled", request->status, request->result);
    // The peer is gone: the end, or for a terminal EIO.
    if (request->first == 3 && !(request->status == EIO || (request->status == 0 && request->result == 0)))
        broken(request, "status %d, result %zd, should be the end", request->status, request->result);
    if (request->first == 1 && expected != 8 && !has_words(request->buffer, expected, 0, 5)) broken(request, "other bytes");
}

static void wake(struct idle *idle, int which, struct request *request) {
    unsigned char bytes[64];
    uint64_t one = 1;
    request->first = 1;
    request->may_wait = false;
    request->since = tick;
    if (idle->kind[which] == 5) {
        request->order = 8;
        if (write(idle->ends[which][0], &one, 8) != 8) fails("write to an eventfd");
    } else if (idle->kind[which] == 6) {
        struct itimerspec soon = {{0, 0}, {0, 1}};
        request->order = 8;
        if (timerfd_settime(idle->ends[which][0], 0, &soon, NULL) != 0) fails("timerfd_settime");
    } else {
        // Of a terminal several bytes may come in two parts.
        request->order = idle->kind[which] == 2 ? 1 : 61;
        fill_words(bytes, 61, 0, 5);
        if (write(idle->ends[which][1], bytes, request->order) != (ssize_t)request->order) fails("write to what is idle");
    }
}

static void expect_cancelled(struct actor *actor, int descriptor) {
    for (unsigned i = 0; i < actor->requests; i++) {
        struct request *request = &actor->request[i];
        if (request->state != IN_FLIGHT || request->control.aio_fildes != descriptor || request->first) continue;
        request->first = 2;
        request->may_be_cancelled = true;
        request->may_wait = false;
        request->since = tick;
    }
}

static void close_idle(struct idle *idle, int which) {
    for (int i = 0; i < 2; i++) {
        if (idle->ends[which][i] >= 0 && DOING("close", close(idle->ends[which][i])) != 0) fails("close");
        idle->ends[which][i] = -1;
    }
}

void step_idle(struct actor *actor, struct random *random) {
    struct idle *idle = actor->data;
    int which = (int)draw(random, idle_most);
    uint64_t choice = draw(random, 100);
    struct request *request = &actor->request[which];
    int *ends = idle->ends[which];
    collect(actor, note_idle);
    if (request->state == FREE) {
        // Each has a request of its own; a second of the same descriptor would be behind it.
        prepare(request, READ, ends[0], idle->kind[which] >= 5 ? 8 : 100, 0);
        notify_somehow(request, random);
        request->may_wait = true;
        request->first = 0;
        submit(request);
        return;
    }
    if (request->state != IN_FLIGHT || request->first) return;
    if (choice < 25) {
        expect_cancelled(actor, ends[0]);
        begin("cancelling an idle read");
        do cancel(request);
        while (!request->may_be_cancelled);
        end();
    } else if (choice < 30) {
        expect_cancelled(actor, ends[0]);
        cancel_all(actor, ends[0]);
    } else if (choice < 55) {
        wake(idle, which, request);
    } else if (choice < 62 && idle->kind[which] != 4 && ends[1] >= 0) {
        // The peer goes.
        request->first = 3;
        request->may_wait = false;
        request->since = tick;
        close(ends[1]);
        ends[1] = -1;
        while (request->state == IN_FLIGHT) {
            rest(actor, random);
            collect(actor, note_idle);
        }
        close_idle(idle, which);
        open_idle(idle, which);
    } else if (choice < 72) {
        // The descriptor goes, by close or by having another file put in its place.
        int number = ends[0];
        expect_cancelled(actor, number);
        if (chance(random, 50)) {
            if (DOING("close of an idle stream", close(number)) != 0) fails("close");
            ends[0] = -1;
        } else {
            int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
            if (DOING("dup3 onto an idle stream", dup3(null, number, O_CLOEXEC)) != number) fails("dup3");
            close(null);
        }
        if (request->state == IN_FLIGHT && error_of(request) == EINPROGRESS)
            broken(request, "in progress after its descriptor was closed");
        totals.closes++;
        close_idle(idle, which);
        open_idle(idle, which);
    } else if (choice < 80) {
        rest(actor, random);
    } else {
        nap(200);
    }
}

void finish_idle(struct actor *actor) {
    struct idle *idle = actor->data;
    for (int i = 0; i < idle_most; i++) {
        struct request *request = &actor->request[i];
        if (request->state == IN_FLIGHT && !request->first) wake(idle, i, request);
    }
    settle(actor, note_idle);
    for (int i = 0; actor->ends && i < idle_most; i++) close_idle(idle, i);
}
