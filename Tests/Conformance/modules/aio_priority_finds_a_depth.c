// holds: With aio_priority:depth = auto the depth is found by measuring: of a device that does a fixed number at a time it becomes about that, whatever it began with; aio_priority counts what waits.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=ordered aio_priority slots aio_linux aio_poll aio_pthread'
// links: -Wl,-z,dynamic-undefined-weak
// limit: 60
#include "../vfs/vfs.h"

enum { size = 4096, count = 128, slots = 4 };

// A device that does four reads at a time, in a millisecond each; the others wait in it.
static struct kept queue = {.lock = PTHREAD_MUTEX_INITIALIZER};
static atomic_int most_below, below;

static void slots_read(kaio_vfs_handle *handle, kaio_request *request) {
    int now = ++below;
    if (now > most_below) most_below = now;
    keep(&queue, handle, request);
}

static void *slot(void *unused) {
    for (;;) {
        kaio_request *request = take_kept(&queue);
        sleep_for(request ? 0.001 : 0.0002);
        if (!request) continue;
        below--;
        kaio_vfs_complete(queue.handle, request, size);
    }
    return unused;
}

int main(void) {
    deadline(55);
    const struct kaio_vfs_fns fns = {.aio_read_fn = slots_read, .side = KAIO_VFS_BELOW_ORDERED};
    OK(kaio_vfs_register(KAIO_VFS_INTERFACE_VERSION, "slots", &fns));
    int file = scratch_file(O_DIRECT);
    write_pattern(file, count * size, 1, 0);
    unsigned char *data = aligned_buffer(count * size);
    static struct aiocb requests[count];
    const struct aiocb *list[count];
    pthread_t thread;
    for (int i = 0; i < count; i++) {
        requests[i] = request(file, data + i * size, size, i * size);
        list[i] = &requests[i];
        OK(aio_read(&requests[i]));
    }
    for (int i = 0; i < slots; i++) OK(pthread_create(&thread, NULL, slot, NULL));
    double begin = now(), looked = begin;
    int found = 0;
    // What counts is the most that were below for half a second.
    while (!found) {
        EQUAL(aio_suspend(list, count, NULL), 0);
        for (int i = 0; i < count; i++) {
            if (aio_error(&requests[i]) == EINPROGRESS) continue;
            EQUAL(aio_return(&requests[i]), size);
            OK(aio_read(&requests[i]));
        }
        if (now() - looked < 0.5) continue;
        looked = now();
        found = most_below <= 3 * slots;
        most_below = 0;
    }
    CHECK(now() - begin < 50 * times_slower());
    _exit(0);
}
