// holds: A long random mix of sizes, offsets, reads, writes and fsyncs, many in flight, leaves the file as it should be.
// source: aio_read, aio_write, aio_fsync
// limit: 90
#include "../check.h"

// The file is divided into slots; at most one request is in flight on each, and `version` says what was
// last written there, so that every read and the end are checked byte for byte.
enum { slots = 64, slot_size = 131072, steps = 6000 };
static struct slot {
    struct aiocb control;
    unsigned char *buffer;
    uint64_t version, next;
    int kind;  // 0 idle, 1 read, 2 write, 3 fsync
    size_t from, size;
} table[slots];

static uint64_t state = 4711;
static uint64_t draw(uint64_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % below;
}

static void collect(int which) {
    struct slot *slot = &table[which];
    EQUAL(wait_for(&slot->control, 15), 0);
    EQUAL(aio_return(&slot->control), slot->kind == 3 ? 0 : (ssize_t)slot->size);
    uint64_t start = (uint64_t)which * slot_size;
    if (slot->kind == 1) VERIFY(slot->buffer + slot->from, slot->size, slot->version, start + slot->from);
    if (slot->kind == 2) slot->version = slot->next;
    slot->kind = 0;
}

static void run(int flags) {
    size_t grain = flags & O_DIRECT ? 4096 : 1;
    int descriptor = scratch_file(flags);
    for (int i = 0; i < slots; i++) {
        table[i].version = (uint64_t)i;
        table[i].kind = 0;
        write_pattern(descriptor, slot_size, (uint64_t)i, (off_t)i * slot_size);
    }
    for (int step = 0; step < steps; step++) {
        int which = (int)draw(slots);
        struct slot *slot = &table[which];
        if (slot->kind) collect(which);
        uint64_t choice = draw(20);
        slot->kind = choice < 11 ? 1 : choice < 19 ? 2 : 3;
        if (slot->kind == 1) {
            slot->from = draw(slot_size / grain) * grain;
            slot->size = (draw(4) ? draw(16384 / grain) : draw(slot_size / grain)) * grain + grain;
            if (slot->size > slot_size - slot->from) slot->size = slot_size - slot->from;
            memset(slot->buffer + slot->from, 0xa5, slot->size);
        } else if (slot->kind == 2) {  // always the whole slot, so that it has one version
            slot->from = 0;
            slot->size = slot_size;
            slot->next = draw(1u << 30);
            fill(slot->buffer, slot_size, slot->next, (uint64_t)which * slot_size);
        }
        slot->control = request(descriptor, slot->buffer + slot->from, slot->size,
                                (off_t)which * slot_size + (off_t)slot->from);
        if (slot->kind == 1) OK(aio_read(&slot->control));
        else if (slot->kind == 2) OK(aio_write(&slot->control));
        else OK(aio_fsync(draw(2) ? O_SYNC : O_DSYNC, &slot->control));
    }
    unsigned char *check = aligned_buffer(slot_size);
    for (int i = 0; i < slots; i++) {
        if (table[i].kind) collect(i);
        EQUAL(pread(descriptor, check, slot_size, (off_t)i * slot_size), slot_size);
        VERIFY(check, slot_size, table[i].version, (uint64_t)i * slot_size);
    }
    free(check);
    close(descriptor);
}

int main(void) {
    for (int i = 0; i < slots; i++) table[i].buffer = aligned_buffer(slot_size);
    run(0);
    run(O_DIRECT);
}
