// What the bytes of a file must be: requests that overlap take effect in the order of their calls.
//
// A file is divided into cells; each holds the version that was last written there, so that any mix shows. A change is a
// write whose effect is not everybody's past yet: it is in flight, or a read that was called before it is. A read must see,
// in each cell, the last change called before it that was not cancelled.

#include "soak.h"

enum { changes_most = 192, reads_most = 64 };

struct change {
    uint64_t order;
    unsigned first, count;
    struct request *request;  // NULL: over
    bool done;
};

struct model {
    pthread_mutex_t lock;
    size_t cell;
    unsigned cells;
    uint64_t key, order;
    uint64_t *version;  // of each cell, without the changes
    struct change change[changes_most];  // in the order of the calls
    int changes;
    struct request *read[reads_most];
    int reads;
};

// The word at each place of a sequence that `key` names.
static uint64_t word(uint64_t key, uint64_t place) { return mix(key * 0x9e3779b97f4a7c15ull + place); }

void fill_words(void *buffer, size_t size, uint64_t first, uint64_t key) {
    unsigned char *bytes = buffer;
    for (size_t at = 0; at < size; at += 8) {
        uint64_t value = word(key, first++);
        memcpy(bytes + at, &value, size - at < 8 ? size - at : 8);
    }
}

bool has_words(const void *buffer, size_t size, uint64_t first, uint64_t key) {
    const unsigned char *bytes = buffer;
    for (size_t at = 0; at < size; at += 8) {
        uint64_t value = word(key, first++);
        if (memcmp(bytes + at, &value, size - at < 8 ? size - at : 8) != 0) return false;
    }
    return true;
}

// A cell begins with its version and its number, in clear for whoever looks at a failure.
struct head {
    uint32_t version, cell;
};

static void fill_cell(const struct model *model, unsigned char *bytes, unsigned cell, uint64_t version) {
    struct head head = {(uint32_t)version, cell};
    memcpy(bytes, &head, sizeof head);
    fill_words(bytes + sizeof head, model->cell - sizeof head, 0, model->key ^ version << 20 ^ cell);
}

static bool has_cell(const struct model *model, const unsigned char *bytes, unsigned cell, uint64_t version) {
    struct head head = {(uint32_t)version, cell};
    return memcmp(bytes, &head, sizeof head) == 0 &&
           has_words(bytes + sizeof head, model->cell - sizeof head, 0, model->key ^ version << 20 ^ cell);
}

struct model *make_model(size_t cell, unsigned cells) {
    static atomic_ulong models;
    struct model *model = calloc(1, sizeof *model);
    pthread_mutex_init(&model->lock, NULL);
    model->cell = cell;
    model->cells = cells;
    model->key = mix(++models) & 0xffffffff00000000ull;
    model->version = calloc(cells, sizeof *model->version);
    return model;
}

// Fills a file anew.
void reset_model(struct model *model, int descriptor) {
    size_t size = model->cell * model->cells;
    unsigned char *bytes = aligned_buffer(size);
    model->changes = model->reads = 0;
    model->order++;
    for (unsigned i = 0; i < model->cells; i++) {
        model->version[i] = model->order;
        fill_cell(model, bytes + i * model->cell, i, model->order);
    }
    ssize_t written = pwrite(descriptor, bytes, size, 0);
    if (written != (ssize_t)size) broken(NULL, "pwrite gives %zd: %s", written, strerror(errno));
    free(bytes);
}

size_t cell_size(const struct model *model) { return model->cell; }
unsigned cell_count(const struct model *model) { return model->cells; }
void lock_model(struct model *model) { pthread_mutex_lock(&model->lock); }
void unlock_model(struct model *model) { pthread_mutex_unlock(&model->lock); }

bool model_has_room(const struct model *model) {
    return model->changes + members_most < changes_most && model->reads + members_most < reads_most;
}

void model_write(struct model *model, struct request *request, unsigned first, unsigned count) {
    request->order = ++model->order;
    request->first = first;
    request->count = count;
    for (unsigned i = 0; i < count; i++)
        fill_cell(model, request->buffer + i * model->cell, first + i, request->order);
    model->change[model->changes++] = (struct change){request->order, first, count, request, false};
}

void model_read(struct model *model, struct request *request, unsigned first, unsigned count) {
    request->order = ++model->order;
    request->first = first;
    request->count = count;
    memset(request->buffer, 0xee, count * model->cell);
    model->read[model->reads++] = request;
}

// Changes at the beginning that are over, and that no read in flight was called before, are the past.
static void forget(struct model *model) {
    uint64_t oldest = UINT64_MAX;
    int past = 0;
    for (int i = 0; i < model->reads; i++)
        if (model->read[i]->order < oldest) oldest = model->read[i]->order;
    while (past < model->changes && !model->change[past].request && model->change[past].order < oldest) {
        const struct change *change = &model->change[past++];
        for (unsigned i = 0; change->done && i < change->count; i++) model->version[change->first + i] = change->order;
    }
    model->changes -= past;
    memmove(model->change, model->change + past, (size_t)model->changes * sizeof *model->change);
}

static void check_read(struct model *model, struct request *read) {
    for (unsigned i = 0; i < read->count; i++) {
        unsigned cell = (unsigned)read->first + i;
        uint64_t expected = model->version[cell];
        for (int j = model->changes - 1; j >= 0; j--) {
            struct change *change = &model->change[j];
            if (change->order > read->order || cell < change->first || cell >= change->first + change->count) continue;
            int status = change->request ? last_status(change->request) : change->done ? 0 : ECANCELED;
            if (status != 0) continue;
            expected = change->order;
            break;
        }
        if (has_cell(model, read->buffer + i * model->cell, cell, expected)) continue;
        struct head head;
        memcpy(&head, read->buffer + i * model->cell, sizeof head);
        broken(read, "read %llu, cell %u, should have version %llu and begins with version %u of cell %u",
               (unsigned long long)read->order, cell, (unsigned long long)expected, head.version, head.cell);
    }
}

void model_learn(struct model *model, struct request *request) {
    if (request->kind == READ) {
        if (request->status == 0) check_read(model, request);
        for (int i = 0; i < model->reads; i++)
            if (model->read[i] == request) model->read[i--] = model->read[--model->reads];
    } else {
        for (int i = 0; i < model->changes; i++) {
            struct change *change = &model->change[i];
            if (change->request != request) continue;
            change->request = NULL;
            change->done = request->status == 0;
        }
    }
    forget(model);
}

// With a cache that writes back, the file has what was written after an aio_fsync only.
static void write_back(int descriptor) {
    const char *parameters = getenv("KAIO_VFS_PARAMETERS");
    if (!parameters || !strstr(parameters, "writeback")) return;
    struct request request = {.actor = self, .order = 1};
    prepare(&request, SYNC, descriptor, 0, 0);
    submit(&request);
    begin("having all written back");
    while (!fetch(&request)) nap(100);
    end();
    is_whole_or_cancelled(&request);
}

void check_model(struct model *model, int descriptor) {
    size_t size = model->cell * model->cells;
    unsigned char *bytes = aligned_buffer(size);
    if (model->changes || model->reads) broken(NULL, "the model is not settled");
    if (wrong(FLIPPED_BYTE_OF_A_FILE)) {
        if (pread(descriptor, bytes, size, 0) != (ssize_t)size) broken(NULL, "pread: %s", strerror(errno));
        bytes[size / 3] ^= 1;
        if (pwrite(descriptor, bytes, size, 0) != (ssize_t)size) broken(NULL, "pwrite: %s", strerror(errno));
    }
    write_back(descriptor);
    ssize_t count = pread(descriptor, bytes, size, 0);
    if (count != (ssize_t)size) broken(NULL, "pread of the whole file gives %zd of %zu: %s", count, size, strerror(errno));
    for (unsigned i = 0; i < model->cells; i++) {
        struct head head;
        memcpy(&head, bytes + i * model->cell, sizeof head);
        if (!has_cell(model, bytes + i * model->cell, i, model->version[i]))
            broken(NULL, "the file's cell %u should have version %llu and begins with version %u of cell %u", i,
                   (unsigned long long)model->version[i], head.version, head.cell);
    }
    free(bytes);
    totals.checks++;
}

void open_file(const char *directory, int count, int descriptors[], const int flags[]) {
    char path[PATH_MAX];
    if (!directory) directory = getenv("CHECK_DIRECTORY");
    snprintf(path, sizeof path, "%s/soak-XXXXXX", directory ? directory : ".");
    descriptors[0] = mkostemp(path, (flags[0] & ~O_ACCMODE) | O_CLOEXEC);
    for (int i = 1; i < count && descriptors[0] >= 0; i++) {
        descriptors[i] = open(path, flags[i] | O_CLOEXEC);
        if (descriptors[i] < 0) descriptors[0] = -1;
    }
    if (descriptors[0] < 0) broken(NULL, "%s: %s", path, strerror(errno));
    unlink(path);
}
