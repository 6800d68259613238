// holds: With aio_priority a request that others overtake without end goes when it has waited for aio_priority:starve.
// source: kaio
// environment: 'KAIO_VFS_OBJECTS=ordered aio_priority aio_linux aio_poll aio_pthread' 'KAIO_VFS_PARAMETERS=aio_priority:depth = 1; aio_priority:starve = 200ms'
#include "../check.h"

enum { size = 4096, count = 16 };

static int file;
static unsigned char *data;

// Whether it waited as long as it has to. It need not where none of high priority is left for a moment: on a busy machine all of them may
// end before this thread runs again.
static int is_overtaken_without_end(void) {
    struct aiocb requests[count], low = request(file, data + count * size, size, count * size);
    const struct aiocb *list[count];
    for (int i = 0; i < count; i++) {
        requests[i] = request(file, data + i * size, size, i * size);
        list[i] = &requests[i];
        OK(aio_read(&requests[i]));
    }
    low.aio_reqprio = 20;
    double begin = now();
    OK(aio_read(&low));
    long overtakes = 0;
    while (aio_error(&low) == EINPROGRESS) {
        EQUAL(aio_suspend(list, count, NULL), 0);
        for (int i = 0; i < count; i++) {
            if (aio_error(&requests[i]) == EINPROGRESS) continue;
            EQUAL(aio_return(&requests[i]), size);
            OK(aio_read(&requests[i]));
            overtakes++;
        }
    }
    double waited = now() - begin;
    EQUAL(FINISH(&low), size);
    for (int i = 0; i < count; i++) EQUAL(FINISH(&requests[i]), size);
    return waited >= 0.2 && overtakes > 32;
}

int main(void) {
    deadline(60);
    file = scratch_file(O_DIRECT);
    write_pattern(file, (count + 1) * size, 1, 0);
    data = aligned_buffer((count + 1) * size);
    int tries = 0;
    while (!is_overtaken_without_end()) CHECK(++tries < 10);
}
