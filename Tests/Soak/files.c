// Files: one actor works on cells of a file through several descriptors, alone or with another on the same file; one
// appends.

#include "soak.h"

// --- Cells

struct file {
    struct model *model;
    int count, descriptor[3], plain;  // those that requests use, and one for looking
    bool shared, mixed;
};
static atomic_int sharing;  // actors on the shared file

static void note(struct request *request) {
    struct file *file = request->actor->data;
    is_whole_or_cancelled(request);
    if (request->kind == SYNC) return;
    lock_model(file->model);
    model_learn(file->model, request);
    unlock_model(file->model);
}

void start_file(struct actor *actor) {
    static struct file *shared;
    static const struct {
        size_t cell;
        unsigned cells;
        int count, flags[3];
        const char *directory;
    } kinds[] = {
        [BUFFERED] = {61, 4096, 3, {O_RDWR, O_RDWR, O_RDWR | O_DSYNC}, NULL},
        [DIRECT] = {4096, 256, 2, {O_RDWR | O_DIRECT, O_RDWR | O_DIRECT}, NULL},
        [MIXED] = {4096, 192, 3, {O_RDWR | O_DIRECT, O_RDWR, O_RDWR}, NULL},
        [SHARED] = {512, 1024, 2, {O_RDWR, O_RDWR | O_DIRECT}, NULL},
        [MEMORY] = {509, 512, 2, {O_RDWR, O_RDWR}, "/dev/shm"},
    };
    struct file *file = calloc(1, sizeof *file);
    int kind = actor->kind, descriptors[4], flags[4] = {O_RDWR};
    actor->data = file;
    file->count = kinds[kind].count;
    file->shared = kind == SHARED;
    sharing += file->shared;
    // Where O_DIRECT meets the page cache, the kernel has fsync say EIO now and then, as it could not drop a page.
    file->mixed = kind == MIXED || kind == SHARED;
    if (file->shared && shared) {
        // The other's file: through duplicates, so that each cancels its own.
        file->model = shared->model;
        file->plain = dup(shared->plain);
        for (int i = 0; i < file->count; i++) file->descriptor[i] = dup(shared->descriptor[i]);
        return;
    }
    for (int i = 0; i < file->count; i++) flags[i + 1] = kinds[kind].flags[i];
    open_file(kinds[kind].directory, file->count + 1, descriptors, flags);
    file->plain = descriptors[0];
    memcpy(file->descriptor, descriptors + 1, sizeof file->descriptor);
    file->model = make_model(kinds[kind].cell, kinds[kind].cells);
    reset_model(file->model, file->plain);
    if (file->shared) shared = file;
}

// Chooses what the request does. The model is locked.
static void choose(struct actor *actor, struct request *request, struct random *random, bool alone) {
    struct file *file = actor->data;
    size_t cell = cell_size(file->model);
    unsigned cells = cell_count(file->model), most = (unsigned)(actor->largest / cell);
    int descriptor = file->descriptor[draw(random, (uint64_t)file->count)];
    if (alone && !file->mixed && chance(random, 3)) {
        prepare(request, SYNC, descriptor, 0, 0);
        request->order = draw(random, 2);
        notify_somehow(request, random);
        return;
    }
    if (most > cells) most = cells;
    unsigned wide = chance(random, 4) ? most : chance(random, 20) ? 64 : 8;
    if (wide > most) wide = most;
    unsigned count = 1 + (unsigned)draw(random, wide), first = (unsigned)draw(random, cells - count + 1);
    // Half of all in a small part of the file, so that they meet.
    if (count < cells / 8 && chance(random, 50)) first = (unsigned)draw(random, cells / 8 - count + 1);
    bool write = chance(random, 45);
    // A shared file's cells are smaller than O_DIRECT takes.
    if (file->shared && descriptor == file->descriptor[1]) {
        first = first / 8 * 8;
        count = (count + 7) / 8 * 8;
        if (first + count > cells) first = cells - count;
    }
    prepare(request, write ? WRITE : READ, descriptor, count * cell, (off_t)(first * cell));
    if (alone && chance(random, 10) && cell % 4096 != 0 && !(file->shared && descriptor == file->descriptor[1]))
        split(request, random);
    notify_somehow(request, random);
    if (write) model_write(file->model, request, first, count);
    else model_read(file->model, request, first, count);
}

static void submit_some(struct actor *actor, struct random *random) {
    struct file *file = actor->data;
    for (uint64_t left = 1 + draw(random, 4); left > 0; left--) {
        struct request *request = free_request(actor);
        if (!request) break;
        lock_model(file->model);
        if (model_has_room(file->model)) {
            choose(actor, request, random, true);
            submit(request);
        }
        unlock_model(file->model);
    }
}

static void submit_several(struct actor *actor, struct random *random) {
    struct file *file = actor->data;
    struct request *list[members_most];
    int count = 0, most = 2 + (int)draw(random, 7);
    bool wait = !file->shared && chance(random, 30);
    lock_model(file->model);
    for (unsigned i = 0; i < actor->requests && count < most && model_has_room(file->model); i++) {
        struct request *request = &actor->request[i];
        if (request->state != FREE) continue;
        choose(actor, request, random, false);
        list[count++] = request;
    }
    if (count > 0) submit_list(actor, list, count, wait, random);
    unlock_model(file->model);
}

void step_file(struct actor *actor, struct random *random) {
    struct file *file = actor->data;
    uint64_t choice = draw(random, 1000);
    collect(actor, note);
    if (choice < 550) {
        submit_some(actor, random);
    } else if (choice < 640) {
        submit_several(actor, random);
    } else if (choice < 700) {
        struct request *request = &actor->request[draw(random, actor->requests)];
        if (request->state == IN_FLIGHT) cancel(request);
    } else if (choice < 710) {
        cancel_all(actor, file->descriptor[draw(random, (uint64_t)file->count)]);
    } else if (choice < 985) {
        rest(actor, random);
    } else if (choice < 995) {
        posix_fadvise(file->plain, 0, 0, POSIX_FADV_DONTNEED);
    } else if (!file->shared) {
        settle(actor, note);
        check_model(file->model, file->plain);
    }
    if (!free_request(actor)) rest(actor, random);
}

// A shared file is what it should be when the last is done with it.
void finish_file(struct actor *actor) {
    struct file *file = actor->data;
    settle(actor, note);
    if (!file->shared || (actor->ends && --sharing == 0)) check_model(file->model, file->plain);
    if (!actor->ends) return;
    for (int i = 0; i < file->count; i++) close(file->descriptor[i]);
    close(file->plain);
}

// --- Appends

enum { entries_most = 1024, entry_largest = 8192 };
enum entry_state { PENDING, DONE, CANCELLED };

// All that was appended since the file was empty, in the order of the calls.
struct append {
    int writer[2], reader;
    uint64_t key;
    int count;
    struct entry {
        size_t size;
        struct request *request;
        enum entry_state state;
    } entry[entries_most];
    unsigned char *bytes, piece[entry_largest];  // what a read should have, and an entry of it
};

void start_append(struct actor *actor) {
    struct append *append = calloc(1, sizeof *append);
    const int flags[3] = {O_RDWR, O_RDWR | O_APPEND, O_WRONLY | O_APPEND};
    int descriptors[3];
    open_file(NULL, 3, descriptors, flags);
    append->reader = descriptors[0];
    append->writer[0] = descriptors[1];
    append->writer[1] = descriptors[2];
    append->bytes = aligned_buffer(actor->largest);
    actor->data = append;
}

static enum entry_state state_of(struct entry *entry) {
    if (entry->state != PENDING) return entry->state;
    return last_status(entry->request) == 0 ? DONE : CANCELLED;
}

// What the file has at an offset, of the first so many entries. Gives how much of it there is.
static size_t expect(struct append *append, int entries, size_t offset, size_t size) {
    size_t position = 0, got = 0;
    for (int i = 0; i < entries && got < size; i++) {
        struct entry *entry = &append->entry[i];
        if (state_of(entry) == CANCELLED) continue;
        if (position + entry->size > offset) {
            fill_words(append->piece, entry->size, (uint64_t)i << 32, append->key);
            size_t from = offset + got - position, count = entry->size - from;
            if (count > size - got) count = size - got;
            memcpy(append->bytes + got, append->piece + from, count);
            got += count;
        }
        position += entry->size;
    }
    return got;
}

static void note_append(struct request *request) {
    struct append *append = request->actor->data;
    if (request->kind == READ) {
        if (request->status == ECANCELED && request->may_be_cancelled) return;
        if (request->status != 0) broken(request, "status %d", request->status);
        size_t count = expect(append, (int)request->order, (size_t)request->control.aio_offset, request->size);
        if (count != (size_t)request->result)
            broken(request, "%zd bytes, should be %zu: %llu appends were called before it", request->result, count,
                   (unsigned long long)request->order);
        if (memcmp(request->buffer, append->bytes, count) != 0) broken(request, "other bytes than were appended");
        return;
    }
    is_whole_or_cancelled(request);
    if (request->kind == SYNC) return;
    struct entry *entry = &append->entry[request->order];
    entry->state = request->status == 0 ? DONE : CANCELLED;
    entry->request = NULL;
}

// The file is what was appended, and empty afterwards.
static void check_append(struct actor *actor) {
    struct append *append = actor->data;
    size_t at = 0, count;
    unsigned char *bytes = actor->request[0].buffer;
    settle(actor, note_append);
    do {
        count = expect(append, append->count, at, actor->largest);
        ssize_t got = pread(append->reader, bytes, actor->largest, (off_t)at);
        if (got != (ssize_t)count || memcmp(bytes, append->bytes, count) != 0)
            broken(NULL, "%zd bytes at %zu are not the %zu that were appended", got, at, count);
        at += count;
    } while (count > 0);
    if (ftruncate(append->reader, 0) != 0) broken(NULL, "ftruncate: %s", strerror(errno));
    append->count = 0;
    append->key++;
    totals.checks++;
}

void step_append(struct actor *actor, struct random *random) {
    struct append *append = actor->data;
    uint64_t choice = draw(random, 100);
    struct request *request;
    collect(actor, note_append);
    if (append->count == entries_most) check_append(actor);
    if (choice < 60 && (request = free_request(actor))) {
        size_t size = 1 + draw(random, chance(random, 80) ? 256 : entry_largest);
        prepare(request, WRITE, append->writer[draw(random, 2)], size, 0);
        notify_somehow(request, random);
        request->order = (uint64_t)append->count;
        fill_words(request->buffer, size, request->order << 32, append->key);
        append->entry[append->count++] = (struct entry){size, request, PENDING};
        submit(request);
    } else if (choice < 75 && (request = free_request(actor))) {
        // From a place whose position is known: no append before it is in flight.
        size_t position = 0;
        int known = 0;
        while (known < append->count && append->entry[known].state != PENDING) {
            if (append->entry[known].state == DONE) position += append->entry[known].size;
            known++;
        }
        size_t back = draw(random, 20000), size = 1 + draw(random, actor->largest);
        position = position > back ? position - back : 0;
        prepare(request, READ, append->reader, size, (off_t)position);
        notify_somehow(request, random);
        request->order = (uint64_t)append->count;
        submit(request);
    } else if (choice < 76 && (request = free_request(actor))) {
        prepare(request, SYNC, append->writer[0], 0, 0);
        request->order = draw(random, 2);
        submit(request);
    } else if (choice < 80) {
        request = &actor->request[draw(random, actor->requests)];
        if (request->state == IN_FLIGHT) cancel(request);
    } else {
        rest(actor, random);
    }
    if (!free_request(actor)) rest(actor, random);
}

void finish_append(struct actor *actor) {
    struct append *append = actor->data;
    check_append(actor);
    if (!actor->ends) return;
    close(append->writer[0]);
    close(append->writer[1]);
    close(append->reader);
}
